"""Gives the numbers of a run that goes on to systems that store metrics."""
