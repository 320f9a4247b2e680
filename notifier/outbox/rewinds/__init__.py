"""Rewinds: requested by operators, carried out by bridges."""
