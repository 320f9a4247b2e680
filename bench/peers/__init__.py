"""The peers: what people run today, written as the documentation of their libraries shows, compared with Notifier.

They have the same load, servers, routes and templates. Neither of them knows whether a request without an answer was
accepted, and boto3 sends a request up to five times, as its defaults are.
"""
