"""SMS through Amazon SNS."""

from workers.channels.sms.sns.gateway import SnsGateway

__all__ = ["SnsGateway"]
