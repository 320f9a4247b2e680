"""Watches that log an alarm: shards that are not listed, lag, unrouted tables, view types."""
