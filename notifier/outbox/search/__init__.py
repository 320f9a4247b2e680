"""Searches for deliveries by recipient, key, status, reason and more, in pages."""
