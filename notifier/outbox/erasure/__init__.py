"""Erases people: what is kept of an address is blanked in all days and tables."""
