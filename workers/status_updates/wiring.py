"""Builds the senders of `notifier status-sender` from the settings."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from notifier.database.engine import connect
from notifier.database.schema import check_schema
from notifier.database.server import check_durable
from notifier.errors import SettingsError
from notifier.health.conditions import Condition, ProcessHealth
from notifier.health.heartbeat import Heartbeat
from notifier.health.questions import asking, database_question
from notifier.health.server import serving
from notifier.outbox import StatusUpdates
from notifier.settings import Settings
from notifier.settings.url import without_secret
from notifier.status_updates.arn import Arn
from workers.channels.webhook.signing import needed_secrets
from workers.status_updates.aws import EventBridgeDestination, SnsDestination, SqsDestination
from workers.status_updates.counters import DestinationCounters
from workers.status_updates.destination import Destination
from workers.status_updates.sender import UpdateSender
from workers.status_updates.senders import UpdateSenders
from workers.status_updates.webhook import WebhookDestination

_BY_ARN = {"events": EventBridgeDestination, "sns": SnsDestination, "sqs": SqsDestination}


@contextmanager
def open_senders(settings: Settings) -> Iterator[UpdateSenders]:
    """Give senders that are ready to run, and close their connections afterwards.

    Raise the NotifierError that names what is missing: a destination, a secret, the schema.
    """
    heartbeat = Heartbeat("status-sender").checked()
    names = settings.status_destinations
    if not names:
        raise SettingsError(
            "NOTIFIER_STATUS_DESTINATIONS is not set: the ARN of an event bus, an SNS topic or an SQS queue, or the "
            "https:// URL of a webhook; several, separated by commas"
        )
    destinations = [destination_of(each, settings) for each in names]
    engine = connect(
        settings.database_url.get_secret_value(), pool_size=len(names) + 1, application="notifier status-sender"
    )
    with ExitStack() as stack:
        stack.callback(engine.dispose)
        check_schema(engine)
        check_durable(engine, allowed=settings.allow_nondurable_database)
        personal = settings.status_personal_data
        status_updates = StatusUpdates(engine, personal=personal)
        senders = [
            UpdateSender(status_updates, each, names, personal=personal, counters=_counters(each.name, settings))
            for each in destinations
        ]
        for each in senders:
            stack.callback(each.close)
        ready = UpdateSenders(senders, status_updates, names, heartbeat)
        stack.enter_context(_serving_health(settings, ready, heartbeat))
        yield ready


def _counters(destination: str, settings: Settings) -> DestinationCounters | None:
    return DestinationCounters(destination) if settings.metrics_port else None


@contextmanager
def _serving_health(settings: Settings, senders: UpdateSenders, heartbeat: Heartbeat) -> Iterator[None]:
    database = database_question(settings.database_url.get_secret_value(), "notifier status-sender checks")
    with asking([database], wanted=bool(settings.metrics_port)) as servers:
        health = ProcessHealth(
            "status-sender",
            heartbeat,
            lambda: senders.is_stopping,
            alive=[Condition("loops", senders.loops_trouble)],
            ready=[
                *servers,
                Condition("destinations", senders.destination_trouble),
                Condition("recording", senders.recording_trouble),
            ],
        )
        with serving(settings.metrics_port, settings.metrics_address, health):
            yield


def destination_of(name: str, settings: Settings) -> Destination:
    """Return the destination of that ARN or URL. Raise SettingsError if it is neither."""
    if name.startswith(("https://", "http://")):
        secrets = needed_secrets(
            "NOTIFIER_STATUS_SECRET", settings.status_secret, "it signs updates that go to a webhook"
        )
        try:
            without_secret(name)
            return WebhookDestination(name, secrets, allow_private=settings.webhook_allow_private)
        except ValueError as error:
            raise SettingsError(f"NOTIFIER_STATUS_DESTINATIONS: {error}") from None
    try:
        arn = Arn.of(name)
    except ValueError as error:
        raise SettingsError(
            f"NOTIFIER_STATUS_DESTINATIONS: what begins with {name[:4]!r}: {error}, nor the https:// URL of a webhook"
        ) from None
    return _BY_ARN[arn.service](arn, settings)
