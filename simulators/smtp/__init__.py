"""Simulator of an SMTP server: it takes mails, keeps them in memory, and fails on request.

with SmtpSimulator() as server:
    server.faults = [Fault("RCPT", "550 5.1.1 no such user")]
    ...  # send to server.port
    server.mails  # what was accepted
"""

from simulators.smtp.faults import Fault
from simulators.smtp.server import SmtpMail, SmtpSimulator

__all__ = ["Fault", "SmtpMail", "SmtpSimulator"]
