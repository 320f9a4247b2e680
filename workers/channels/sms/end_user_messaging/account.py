"""What AWS End User Messaging says of an account, for `notifier doctor`. Sends nothing."""

from collections.abc import Iterator, Mapping
from typing import Any

from notifier.aws import AwsError, aws_errors
from notifier.doctor.finding import Finding, doubtful, good, not_known, wrong
from notifier.errors import Unreachable

_WHERE = "pinpoint-sms-voice-v2"
_PAGE = "docs/sms.md"
_MISSING = "ResourceNotFoundException"
_ALL = {"ALL", "TEXT_ALL"}


def account_findings(client: Any, configuration_set: str) -> Iterator[Finding]:
    """Yield whether the account may send to all numbers, and whether the configuration set reports to a topic."""
    try:
        with aws_errors(_WHERE):
            yield from _tier(client.describe_account_attributes())
            if configuration_set:
                names = [configuration_set]
                yield from _events(client.describe_configuration_sets(ConfigurationSetNames=names))
    except AwsError as error:
        if error.code == _MISSING:
            yield wrong(
                f"there is no configuration set {configuration_set} for SMS: each one is refused",
                f"aws pinpoint-sms-voice-v2 create-configuration-set --configuration-set-name {configuration_set}",
                _PAGE,
            )
        else:
            yield not_known(f"AWS End User Messaging does not say: {error.code}; allow what {_PAGE} lists")
    except Unreachable as error:
        yield wrong(str(error), "", _PAGE)


def _tier(answer: Mapping[str, Any]) -> Iterator[Finding]:
    named = {each.get("Name"): each.get("Value") for each in answer.get("AccountAttributes", ())}
    if named.get("ACCOUNT_TIER") == "SANDBOX":
        yield doubtful(
            "SMS of this account are in the sandbox: only verified numbers get them",
            "ask for production access in the console of AWS End User Messaging",
            _PAGE,
        )
    else:
        yield good("SMS of this account may go to every number")


def _events(answer: Mapping[str, Any]) -> Iterator[Finding]:
    for each in answer.get("ConfigurationSets", ()):
        name = each.get("ConfigurationSetName")
        kinds = {
            kind
            for destination in each.get("EventDestinations", ())
            if destination.get("Enabled") and destination.get("SnsDestination")
            for kind in destination.get("MatchingEventTypes", ())
        }
        if kinds & _ALL:
            yield good(f"the configuration set {name} reports every SMS to a topic")
        elif kinds:
            yield doubtful(f"the configuration set {name} does not report TEXT_ALL", "add all events of SMS", _PAGE)
        else:
            yield wrong(
                f"the configuration set {name} reports to no topic: no event settles an SMS",
                "aws pinpoint-sms-voice-v2 create-event-destination, with TEXT_ALL and the topic of the queue",
                _PAGE,
            )
