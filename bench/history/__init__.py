"""A database with a history, for the benchmarks of searches, of the console and of `notifier erase`."""
