"""The SNS topic that events come through, and who may sign for it. Pure."""

import re
from dataclasses import dataclass

from notifier.errors import SettingsError

_ARN = re.compile(r"arn:(aws|aws-us-gov|aws-cn):sns:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:[\w-]{1,256}", re.ASCII)
_SUFFIX = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True, slots=True)
class Topic:
    """`host` is the one that SNS has in its region; `signers` are the names that its certificates may have there."""

    arn: str
    host: str
    signers: frozenset[str]

    @classmethod
    def of(cls, arn: str) -> "Topic":
        """Raises SettingsError."""
        found = _ARN.fullmatch(arn)
        if not found:
            raise SettingsError(
                "NOTIFIER_FEEDBACK_TOPIC_ARN is not the ARN of an SNS topic: arn:aws:sns:REGION:ACCOUNT:NAME"
            )
        partition, region = found.groups()
        return cls(arn, f"sns.{region}.{_SUFFIX[partition]}", _signers(partition, region))

    def signing_url(self, url: str) -> bool:
        """Whether this is where its SNS keeps certificates: nothing else is ever asked for one."""
        pattern = rf"https://{re.escape(self.host)}/SimpleNotificationService[A-Za-z0-9-]*\.pem"
        return re.fullmatch(pattern, url, re.ASCII) is not None


def _signers(partition: str, region: str) -> frozenset[str]:
    """Older regions share a name; each newer one has its own, and so have China and GovCloud."""
    suffix = _SUFFIX[partition]
    names = {f"sns-signing.{region}.{suffix}", f"sns.{region}.{suffix}", f"sns-{region}.{suffix}"}
    if partition == "aws":
        names.add("sns.amazonaws.com")
    if partition == "aws-us-gov":
        names.add("sns-us-gov-west-1.amazonaws.com")
    return frozenset(names)
