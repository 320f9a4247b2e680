"""Whether the configuration set exists, and reports all that Notifier needs to a topic."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from notifier.doctor.aws.answers import Answer, ask, opened
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, not_known, wrong
from notifier.doctor.routing import named, need_routes
from notifier.doctor.ses import ABSENT, PAGE, WHERE
from notifier.doctor.ses.account import if_email
from notifier.doctor.setup import Setup

_EVENTS = ("BOUNCE", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY", "REJECT", "RENDERING_FAILURE")
"""Without one of these the outcome of such a mail stays `sent`. SEND is needed for the unknown ones."""

Destinations = Sequence[Answer]


def destinations(setup: Setup) -> Destinations:
    """Return the enabled event destinations of the configuration set. Raise CheckEnded if SES does not name them."""
    with opened(setup, "sesv2") as client:
        return _destinations(client, setup.settings.ses_configuration_set)


def _destinations(client: Any, name: str) -> Destinations:
    right = "ses:GetConfigurationSetEventDestinations"
    call = client.get_configuration_set_event_destinations
    answer = ask(WHERE, right, call, absent=ABSENT, ConfigurationSetName=name)
    if answer is None:
        raise CheckEnded(not_known("the events of SES: there is no configuration set"))
    found: Destinations = [each for each in answer.get("EventDestinations", ()) if each.get("Enabled")]
    return found


def need_destinations(setup: Setup) -> Destinations:
    """Return the event destinations. Raise CheckEnded: the check `configuration-set` says why."""
    return setup.need(destinations, "the event destinations of the configuration set")


def topic_of(found: Destinations) -> str | None:
    """Return the ARN of the topic that gets SEND events, or else that of any topic; None if there is none."""
    topics = [each for each in found if each.get("SnsDestination")]
    first = next((each for each in topics if "SEND" in each["MatchingEventTypes"]), next(iter(topics), None))
    return None if first is None else str(first["SnsDestination"]["TopicArn"])


def check_configuration_set(setup: Setup) -> Iterator[Finding]:
    """Ask SES about the configuration set of the settings, and those that routes name."""
    if_email(setup)
    name = setup.settings.ses_configuration_set
    if not name:
        yield doubtful(
            "NOTIFIER_SES_CONFIGURATION_SET is not set: no events come, and unknown outcomes wait for an operator",
            "make a configuration set with an event destination, and name it",
            PAGE,
        )
    with opened(setup, "sesv2") as client:
        if name:
            yield from _examined(client, name, lambda: setup.get(destinations))
        for other in sorted(_of_routes(setup) - {name}):
            yield from _examined(client, other, partial(_destinations, client, other))


def _of_routes(setup: Setup) -> set[str]:
    try:
        return named(need_routes(setup), "configuration_set")[0]
    except CheckEnded:
        return set()


def _examined(client: Any, name: str, of: Callable[[], Destinations]) -> Iterator[Finding]:
    """Yield what SES says of the configuration set. `of` asks for its event destinations."""
    right = "ses:GetConfigurationSet"
    described = ask(WHERE, right, client.get_configuration_set, absent=ABSENT, ConfigurationSetName=name)
    if described is None:
        yield wrong(
            f"SES has no configuration set {name}: it refuses every mail",
            f"aws sesv2 create-configuration-set --configuration-set-name {name}",
            PAGE,
        )
        return
    if not described.get("SendingOptions", {}).get("SendingEnabled", True):
        yield wrong(
            f"sending is switched off in the configuration set {name}",
            f"aws sesv2 put-configuration-set-sending-options --configuration-set-name {name} --sending-enabled",
            PAGE,
        )
    else:
        yield good(f"the configuration set {name} exists, and sends")
    yield from events(name, of())


def events(name: str, found: Destinations) -> Iterator[Finding]:
    """Yield which events reach a topic or a bus."""
    reached = {kind for each in found if _leads_on(each) for kind in each["MatchingEventTypes"]}
    remedy = "aws sesv2 update-configuration-set-event-destination, with all types of docs/feedback.md"
    if not reached:
        yield wrong(
            f"the configuration set {name} has no enabled event destination to a topic: no events come",
            "aws sesv2 create-configuration-set-event-destination with the topic of the queue",
            PAGE,
        )
        return
    if "SEND" not in reached:
        yield wrong(
            f"the events of {name} are without SEND: no unknown outcome is ever settled by a missing event",
            remedy,
            PAGE,
        )
    if lacking := [kind for kind in _EVENTS if kind not in reached]:
        yield doubtful(f"the events of {name} are without {', '.join(lacking)}", remedy, PAGE)
    elif "SEND" in reached:
        yield good(f"the events of {name} are SEND and the {len(_EVENTS)} others that are needed")


def _leads_on(destination: Answer) -> bool:
    return bool(destination.get("SnsDestination") or destination.get("EventBridgeDestination"))
