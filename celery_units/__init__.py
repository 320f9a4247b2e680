"""Celery by the hundred: a Redis transport that survives SIGKILL, and tasks that run together as one unit."""
