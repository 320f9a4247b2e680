"""Email through Amazon SES."""

from workers.channels.ses.channel import CONCURRENCY, SesChannel

__all__ = ["CONCURRENCY", "SesChannel"]
