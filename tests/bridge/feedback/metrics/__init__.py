"""The metrics of `notifier feedback`."""
