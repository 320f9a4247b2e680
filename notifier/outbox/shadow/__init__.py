"""Deliveries that were built in shadow and not sent."""
