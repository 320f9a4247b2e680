"""Requests to AWS without the SDK's layers, for calls that are made very often."""
