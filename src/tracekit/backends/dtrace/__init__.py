"""DTrace, of Linux and macOS."""
