"""The SNS topic that events come through, and whose certificates may sign its messages. Pure."""

import re
from dataclasses import dataclass

from notifier.errors import SettingsError

_ARN = re.compile(r"arn:(aws|aws-us-gov|aws-cn):sns:([a-z]{2}(?:-[a-z]+)+-\d):\d{12}:[\w-]{1,256}", re.ASCII)
_SUFFIX = {"aws": "amazonaws.com", "aws-us-gov": "amazonaws.com", "aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True, slots=True)
class Topic:
    """An SNS topic. `host`: of SNS in its region; `signers`: the names that SNS's certificates may have there."""

    arn: str
    host: str
    signers: frozenset[str]

    @classmethod
    def of(cls, arn: str) -> "Topic":
        """Return the topic of that ARN. Raise SettingsError if it is none."""
        found = _ARN.fullmatch(arn)
        if not found:
            raise SettingsError(
                "NOTIFIER_FEEDBACK_TOPIC_ARN is not the ARN of an SNS topic: arn:aws:sns:REGION:ACCOUNT:NAME"
            )
        partition, region = found.groups()
        return cls(arn, f"sns.{region}.{_SUFFIX[partition]}", _signers(partition, region))

    def signing_url(self, url: str) -> bool:
        """Return whether SNS keeps certificates at this URL: none is fetched from anywhere else."""
        pattern = rf"https://{re.escape(self.host)}/SimpleNotificationService[A-Za-z0-9-]*\.pem"
        return re.fullmatch(pattern, url, re.ASCII) is not None


def _signers(partition: str, region: str) -> frozenset[str]:
    """Return the names. Older regions share one; newer regions, China and GovCloud have their own."""
    suffix = _SUFFIX[partition]
    names = {f"sns-signing.{region}.{suffix}", f"sns.{region}.{suffix}", f"sns-{region}.{suffix}"}
    if partition == "aws":
        names.add("sns.amazonaws.com")
    if partition == "aws-us-gov":
        names.add("sns-us-gov-west-1.amazonaws.com")
    return frozenset(names)
