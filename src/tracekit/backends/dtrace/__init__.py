"""dtrace, on macOS, Linux, illumos and FreeBSD."""
