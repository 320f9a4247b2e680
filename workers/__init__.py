"""A row becomes a message to a person: Celery tasks, builds, sending, channels, status updates."""
