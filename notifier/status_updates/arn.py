"""The ARN of a destination of status updates. Pure."""

import re
from typing import NamedTuple, Self

_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?P<service>events|sns|sqs):(?P<region>[a-z0-9-]+):(?P<account>\d{12}):"
    r"(?P<resource>event-bus/[A-Za-z0-9._/-]{1,256}|[A-Za-z0-9_-]{1,256}(?:\.fifo)?)"
)


class Arn(NamedTuple):
    """The parts of an ARN of an event bus, a topic or a queue."""

    text: str
    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the parts of an ARN. Raise ValueError if the text is no such ARN."""
        found = _ARN.fullmatch(text)
        if not found or (found["service"] == "events") != found["resource"].startswith("event-bus/"):
            raise ValueError("it is not the ARN of an event bus, an SNS topic or an SQS queue")
        return cls(text, **found.groupdict())

    @property
    def is_ordered(self) -> bool:
        """Whether it is a FIFO topic or queue."""
        return self.resource.endswith(".fifo")

    def queue_url(self, endpoint: str | None) -> str:
        """Return the URL of the queue; `endpoint` is that of SQS where it is not AWS's own."""
        suffix = ".cn" if self.partition == "aws-cn" else ""
        base = endpoint or f"https://sqs.{self.region}.amazonaws.com{suffix}"
        return f"{base.rstrip('/')}/{self.account}/{self.resource}"
