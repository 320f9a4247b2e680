"""Pushes to devices and browsers: a folder for each service."""
