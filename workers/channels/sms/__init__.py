"""SMS through Amazon SNS."""

from workers.channels.sms.channel import SmsChannel

__all__ = ["SmsChannel"]
