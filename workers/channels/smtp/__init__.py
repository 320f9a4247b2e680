"""Email through any SMTP server."""

from workers.channels.smtp.channel import SmtpChannel

__all__ = ["SmtpChannel"]
