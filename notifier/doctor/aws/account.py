"""Region, credentials and endpoints, and the clock of AWS."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import get_args
from urllib.parse import urlsplit

from notifier.doctor.aws.answers import IAM, ask, opened, session
from notifier.doctor.finding import CheckEnded, Finding, good, not_known, wrong
from notifier.doctor.setup import Setup
from notifier.errors import SettingsError, Unreachable
from notifier.settings.process import AwsService


def check_credentials(setup: Setup) -> Iterator[Finding]:
    """Find the Region, where the credentials come from, and the endpoints that are not AWS's own."""
    try:
        found = setup.get(session)
    except SettingsError as error:
        yield wrong(*_parted(error))
        return
    except Unreachable as error:
        yield wrong(*_parted(error), IAM)
        return
    region = found.get_config_variable("region")
    yield good(f"the Region is {region}; credentials come from {found.get_credentials().method}")
    others = {name: setup.settings.endpoint(name) for name in get_args(AwsService)}
    hosts = sorted({urlsplit(url).netloc for url in others.values() if url})
    if hosts:
        named = ", ".join(name for name, url in others.items() if url)
        yield good(f"{named} are not those of AWS: NOTIFIER_AWS_*ENDPOINT_URL leads to {', '.join(hosts)}")


def clock_of_aws(setup: Setup) -> tuple[datetime, datetime]:
    """Return the time of this machine in the middle of a call to DynamoDB, and the date of its answer."""
    with opened(setup, "dynamodbstreams") as client:
        before = datetime.now(UTC)
        answer = ask("DynamoDB", "dynamodb:ListStreams", client.list_streams, Limit=1) or {}
        after = datetime.now(UTC)
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    if date is None:
        raise CheckEnded(not_known("the clock of AWS: its answer has no date"))
    return before + (after - before) / 2, parsedate_to_datetime(date)


def _parted(error: Exception) -> tuple[str, str]:
    what, _, remedy = str(error).partition(": ")
    return what, remedy
