"""gdb: samples what a function is called with."""
