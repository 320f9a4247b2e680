"""Traces of a bridge and of `notifier feedback`. Without tracing, they use the classes that these wrap."""
