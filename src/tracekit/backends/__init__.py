"""Engines that trace: each one's folder compiles the model, runs it and parses what came out."""
