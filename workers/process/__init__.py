"""The worker process itself: heartbeat, stop, watchdog, deliveries in progress, retries of statements."""
