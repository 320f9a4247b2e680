"""Benchmarks of single parts of Notifier: one bridge, the outbox, units of tasks, the transport, SES, rendering."""
