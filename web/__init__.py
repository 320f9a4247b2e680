"""What people open in a browser. It imports `notifier` only."""
