"""A trace through all processes."""
