"""`notifier status-sender`: sends status updates to their destinations."""
