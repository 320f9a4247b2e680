"""Simulators of push services: Firebase Cloud Messaging with its access tokens, and Web Push with a browser; `apns`.

with PushSimulator() as server:
    server.faults = [PushFault(404, "UNREGISTERED", contains="an-old-token")]
    ...  # send to server.url, with the credentials of server.key_file(folder)
    server.pushes  # what was accepted
"""

from simulators.push.faults import PushFault
from simulators.push.server import AcceptedPush, PushSimulator

__all__ = ["AcceptedPush", "PushFault", "PushSimulator"]
