"""Simulators of what brings pushes: Firebase Cloud Messaging, with its service of access tokens, and a browser.

with PushSimulator() as server:
    server.faults = [PushFault(404, "UNREGISTERED", contains="an-old-token")]
    ...  # send to server.url, with the credentials of server.key_file(folder)
    server.pushes  # what was accepted
"""

from simulators.push.faults import PushFault
from simulators.push.server import AcceptedPush, PushSimulator

__all__ = ["AcceptedPush", "PushFault", "PushSimulator"]
