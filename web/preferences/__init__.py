"""The pages on which recipients unsubscribe and choose topics: a public process, without logins, cookies and scripts.

A visitor is known by a link of `notifier.unsubscribe` only. GET changes nothing: scanners of mails open links.
"""
