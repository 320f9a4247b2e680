"""`notifier status`."""
