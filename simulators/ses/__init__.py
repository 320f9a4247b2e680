"""A stand-in for Amazon SES that keeps tags, publishes events, counts what it accepted and fails on request.

Start it with `python -m simulators.ses --journal PATH`, point boto3's `sesv2` at the address it prints, and
read the mails in a browser at that address.
"""
