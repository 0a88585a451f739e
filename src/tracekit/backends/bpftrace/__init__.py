"""bpftrace, from 0.17 to 0.27."""
