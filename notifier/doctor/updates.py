"""Whether status updates have a destination that exists, and whether it accepts them."""

import socket
import ssl
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import urlsplit

from notifier.database.errors import DatabaseError
from notifier.doctor.aws.destinations import exists
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, not_known, wrong
from notifier.doctor.postgres import need_migrated
from notifier.doctor.postgres.schema import STATUS_SENDER, serves
from notifier.doctor.routing import routes
from notifier.doctor.setup import Setup
from notifier.errors import NotifierError
from notifier.outbox import DestinationBacklog, StatusUpdates
from notifier.outbox.status_updates.backlog import UPDATE_ALARM_SECONDS
from notifier.settings import NEW_SIGNING_SECRET
from notifier.status_updates import wanted_of
from notifier.status_updates.arn import Arn

_PAGE = "docs/status-updates.md"
_CONNECT_SECONDS = 5.0


def check_destinations(setup: Setup) -> Iterator[Finding]:
    """Find whether there is each destination of NOTIFIER_STATUS_DESTINATIONS, and whether one is needed."""
    settings = setup.settings
    if settings.status_destinations:
        for name in settings.status_destinations:
            yield from _one(setup, name)
    elif asking := _who_asks(setup):
        yield wrong(
            f"{asking} asks for status updates, and NOTIFIER_STATUS_DESTINATIONS is not set: they wait",
            "set it, and run notifier status-sender",
            _PAGE,
        )
    else:
        yield good("no route asks for status updates")


def check_updates(setup: Setup) -> Iterator[Finding]:
    """Find destinations that accept nothing, and updates that no process sends."""
    try:
        backlog = StatusUpdates(need_migrated(setup)).backlog()
    except DatabaseError:
        raise CheckEnded(not_known("which status updates wait: this login may not read them")) from None
    yield from waiting(backlog, setup.settings.status_destinations)


def waiting(backlog: Sequence[DestinationBacklog], named: Collection[str]) -> Iterator[Finding]:
    """Yield what waits for each destination; `named` are those of the setting."""
    for each in backlog:
        seconds = each.oldest_seconds or 0.0
        if not each.destination:
            if seconds > UPDATE_ALARM_SECONDS:
                yield wrong(
                    f"{each.waiting:,} status updates wait, for {seconds / 60:,.0f} minutes: no process sends them",
                    "run notifier status-sender",
                    _PAGE,
                )
        elif each.error and each.waiting:
            yield wrong(
                f"{each.destination} accepts no status updates, {each.waiting:,} wait: {each.error}",
                "correct what the error says: rights, the name, or the receiver; what waits is sent then",
                _PAGE,
            )
        elif each.waiting and each.destination not in named:
            yield doubtful(
                f"{each.waiting:,} status updates wait for {each.destination}, which is not in "
                "NOTIFIER_STATUS_DESTINATIONS",
                "put it back, or let retention drop them",
                _PAGE,
            )
        elif seconds > UPDATE_ALARM_SECONDS:
            yield doubtful(
                f"status updates wait for {each.destination}, the oldest for {seconds / 60:,.0f} min",
                "run notifier status-sender, or more of them",
                _PAGE,
            )
        else:
            yield good(f"{each.destination} accepted {each.accepted:,} status updates; {each.waiting:,} wait")


def _who_asks(setup: Setup) -> str:
    """Return what asks for status updates, empty if nothing does, or if the routes cannot be loaded."""
    if setup.settings.status_updates:
        return "NOTIFIER_STATUS_UPDATES"
    try:
        wanted = setup.get(routes).asking_for(wanted_of(()))
    except NotifierError:
        return ""
    return next((f"the route {each.name}" for each in wanted if each.wanted_updates), "")


def _one(setup: Setup, name: str) -> Iterator[Finding]:
    if name.startswith(("https://", "http://")):
        yield from _webhook(setup, name)
        return
    try:
        arn = Arn.of(name)
    except ValueError as error:
        yield wrong(
            f"NOTIFIER_STATUS_DESTINATIONS: {name[:4]!r} and so on: {error}, nor the https:// URL of a webhook",
            "correct it: notifier status-sender does not start",
            _PAGE,
        )
        return
    try:
        found = exists(setup, arn)
    except CheckEnded as ended:
        yield ended.finding
        return
    if found:
        yield good(f"there is {arn.text}; whether status updates may be sent to it shows when one is")
    else:
        yield wrong(
            f"there is no {arn.text}: status updates wait", "make it, or correct NOTIFIER_STATUS_DESTINATIONS", _PAGE
        )


def _webhook(setup: Setup, url: str) -> Iterator[Finding]:
    if not setup.settings.status_secret:
        yield _no_secret(setup)
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    remedy = "correct the host, its firewall or its certificate, or NOTIFIER_STATUS_DESTINATIONS"
    try:
        with socket.create_connection((host, port), _CONNECT_SECONDS) as connection:
            if parts.scheme == "https":
                ssl.create_default_context().wrap_socket(connection, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        yield wrong(
            f"the certificate of the webhook's host {host} is not valid: {error.verify_message}", remedy, _PAGE
        )
    except OSError as error:
        reason = error.strerror or type(error).__name__
        yield wrong(f"the webhook's host {host}:{port} cannot be reached: {reason}", remedy, _PAGE)
    else:
        valid = ", with a valid certificate" if parts.scheme == "https" else ""
        yield good(f"the webhook's host {host}:{port} can be reached{valid}")


def _no_secret(setup: Setup) -> Finding:
    """Return whether it matters that the secret of webhooks is not here."""
    if serves(setup, STATUS_SENDER):
        return wrong(
            "NOTIFIER_STATUS_SECRET is not set: notifier status-sender does not start, as it signs webhooks",
            f"make one: {NEW_SIGNING_SECRET}",
            _PAGE,
        )
    return not_known(
        "whether webhooks can be signed: the status sender does it, and this login is of another process",
        "run notifier doctor with the settings of notifier status-sender",
    )
