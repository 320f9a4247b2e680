"""A simulator of the Apple Push Notification service: HTTP/2, with or without TLS.

with ApnsSimulator() as server:
    server.faults = [ApnsFault(410, "Unregistered", contains="an-old-token")]
    ...  # send to server.url, with server.key and the ids of `simulators.push.apns.account`
    server.pushes  # what was accepted
"""

from simulators.push.apns.faults import ApnsFault
from simulators.push.apns.server import AcceptedApns, ApnsSimulator

__all__ = ["AcceptedApns", "ApnsFault", "ApnsSimulator"]
