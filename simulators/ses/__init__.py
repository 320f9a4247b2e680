"""A simulator of Amazon SES: it accepts and counts mails, publishes their events, and fails if told to.

Start it with `python -m simulators.ses --journal PATH`, use the address that it prints as `endpoint_url` of boto3's
`sesv2`, and open the same address in a browser to read the mails.
"""
