"""Documents to read, print and keep."""
