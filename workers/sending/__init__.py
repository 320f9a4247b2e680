"""Sending: waits for the rate, begins attempts, makes requests, and finishes."""
