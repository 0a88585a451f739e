"""eBPF programs of our own, loaded and read by tracekit itself."""
