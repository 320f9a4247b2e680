"""`notifier demo`: events are written to a table, and each must become exactly one mail."""
