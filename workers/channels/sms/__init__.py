"""SMS through Amazon SNS or AWS End User Messaging."""

from workers.channels.sms.channel import SmsChannel

__all__ = ["SmsChannel"]
