"""What the command line and the Python API both do."""
