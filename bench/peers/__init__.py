"""What people run today, as a good engineer writes it from the documentation: held against Notifier on equal terms.

The same load, parts, routes and templates. Neither of them knows what became of a request whose answer was lost, and
boto3 puts a request on the wire up to five times: that is what comes from the documentation, too.
"""
