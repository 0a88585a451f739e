"""What a binary says about itself: its identity, functions, tracepoints and code."""
