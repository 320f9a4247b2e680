"""The metrics of a worker for Prometheus. Without NOTIFIER_METRICS_PORT only errors are counted."""
