"""The model as JSON and back: what is stored, and what other programs read."""
