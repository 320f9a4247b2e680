"""Metrics for Prometheus: their names (`names/`), and those that are read from the database (`outbox.py`)."""
