"""One-click unsubscribe through all processes."""
