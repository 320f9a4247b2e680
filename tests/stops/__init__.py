"""SIGTERM to a worker with a backlog at a slow provider."""
