"""What a worker counts for Prometheus. Without NOTIFIER_METRICS_PORT only errors are counted."""
