"""The command line of the SES simulator."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from simulators.http.serve import Listen, add_listen_options
from simulators.ses.account.account import ENFORCEMENTS, Account
from simulators.ses.events.delivery_results import EventKind
from simulators.ses.events.schedule import Publishing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """What each option means: `python -m simulators.ses --help`."""

    listen: Listen
    account: Account
    publishing: Publishing
    journal: Path
    fsync: bool
    keep: int
    rate: float | None
    burst: float | None
    bulk_rate: float | None
    queue_url: str | None
    archive_url: str | None
    queue_endpoint: str | None
    queue_connections: int
    sns_envelope: bool
    sns_certificate: Path | None
    sns_signature_version: str


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options. End the program with a message if the arguments are wrong."""
    given = vars(_parser().parse_args(arguments))
    return Options(_split_off(Listen, given), _split_off(Account, given), _split_off(Publishing, given), **given)


def _split_off(kind: type[T], given: dict[str, Any]) -> T:
    """Make a `kind` from the options that are named as its fields, and remove these from `given`."""
    return kind(**{field.name: given.pop(field.name) for field in fields(kind)})  # type: ignore[arg-type]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.ses",
        description="A simulator of Amazon SES: API, events, faults, an inbox at /. Prints its address when ready.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    server = parser.add_argument_group("server")
    add_listen_options(server)
    _add_server(server)
    _add_account(parser.add_argument_group("account"))
    _add_events(parser.add_argument_group("events"))
    return parser


def _add_server(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--journal", type=Path, required=True, help="append a line here for each recipient of an accepted mail")
    add("--fsync", action="store_true", help="fsync the journal before each response")
    add("--keep", type=_at_least_one, default=5000, help="mails kept for the inbox")


def _add_account(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--rate", type=_positive, help="recipients per second; no limit without it")
    add("--burst", type=_positive, help="recipients at once; those of one second by default")
    add("--bulk-rate", type=_positive, help="bulk calls per second, of any size; no limit without it")
    add("--region", default="eu-west-1", help="region in ids and ARNs")
    add("--account-id", default="000000000000", help="account in ARNs")
    add("--identity", dest="identities", action="append", default=[], help="may send; repeatable; default: all may")
    add("--pending-identity", dest="pending_identities", action="append", default=[], help="exists, may not send yet")
    dkim = "exists, does not sign with DKIM; repeatable"
    add("--identity-without-dkim", dest="identities_without_dkim", action="append", default=[], help=dkim)
    add("--paused-set", dest="paused_sets", action="append", default=[], help="configuration set that does not send")
    tenant = "NAME=RESOURCE,...: exists, with its identities and configuration sets; default: all exist, with all"
    add("--tenant", dest="tenants", action="append", default=[], help=tenant)
    paused = "tenant that exists and sends nothing; repeatable"
    add("--paused-tenant", dest="paused_tenants", action="append", default=[], help=paused)
    add("--sandbox", action="store_true", help="only verified recipients get mails")
    add("--sending-paused", action="store_true", help="the account sends nothing")
    add("--enforcement", choices=ENFORCEMENTS, default=ENFORCEMENTS[0], help="standing of the account")
    sets = "exists; repeatable; default: all exist"
    add("--configuration-set", dest="configuration_sets", action="append", default=[], help=sets)


def _add_events(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    kinds = list(EventKind)
    add("--queue-url", help="SQS queue for events; no events without it")
    add("--archive-url", help="SQS queue that gets the same events; `--queue-url` is needed beside it")
    add("--queue-endpoint", help="address of SQS; the host of the URL by default")
    add("--queue-connections", type=_at_least_one, default=4, help="batches that are sent at once")
    add("--sns-envelope", action="store_true", help="wrap events as SNS does without raw message delivery")
    add("--sns-certificate", type=Path, help="write the certificate of the envelopes' signatures here")
    add("--sns-signature-version", choices=("1", "2"), default="1", help="1 is SHA-1, 2 is SHA-256")
    add("--event-kinds", dest="kinds", type=EventKind, nargs="+", default=kinds, help="publish only these")
    add("--event-delay", dest="delay", type=_seconds, default=0.0, help="seconds before an event is sent")
    add("--event-jitter", dest="jitter", type=_seconds, default=0.0, help="up to so many seconds more, at random")
    add("--event-loss", dest="loss", type=_ratio, default=0.0, help="share of events that are never sent")
    add("--event-duplication", dest="duplication", type=_ratio, default=0.0, help="share of events sent twice")
    add("--event-buffer", dest="capacity", type=_at_least_one, default=50_000, help="waiting events; others are lost")
    add("--seed", type=int, default=0, help="seed of loss, duplication and jitter")


def _positive(text: str) -> float:
    return _within(text, float(text) > 0, "must be more than 0")


def _at_least_one(text: str) -> int:
    return int(_within(text, int(text) >= 1, "must be 1 or more"))


def _seconds(text: str) -> float:
    return _within(text, float(text) >= 0, "must be 0 or more")


def _ratio(text: str) -> float:
    return _within(text, 0 <= float(text) <= 1, "must be between 0 and 1")


def _within(text: str, good: bool, rule: str) -> float:
    if not good:
        raise argparse.ArgumentTypeError(rule)
    return float(text)
