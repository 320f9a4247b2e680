"""The pages on which recipients unsubscribe and choose topics: a public process, without logins, cookies and scripts.

A link of `notifier.unsubscribe` is all that a visitor shows. GET changes nothing: scanners of mails open links.
"""
