"""DTrace: the same programs in D, for macOS, Linux, illumos and FreeBSD."""
