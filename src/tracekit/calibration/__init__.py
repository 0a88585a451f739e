"""From a name in the source to a place in the machine, and how well that is known."""
