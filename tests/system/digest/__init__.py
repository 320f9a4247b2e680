"""Digests through all processes."""
