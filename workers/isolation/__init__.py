"""Builds of notifications whose worker died, each in a process of its own."""
