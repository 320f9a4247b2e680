"""Attempts: load, begin, finish, the end of a lease, unknown outcomes; states of channels, places of limits."""
