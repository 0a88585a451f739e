"""The model: what is asked of a program, and what was answered. Pure; no input or output."""
