"""The command line of the simulator."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.ses.account.account import Account
from simulators.ses.events.delivery_results import EventKind
from simulators.ses.events.schedule import Publishing


@dataclass(frozen=True, slots=True)
class Options:
    host: str
    port: int
    port_file: Path | None
    journal: Path
    fsync: bool
    keep: int
    rate: float | None
    burst: float | None
    bulk_rate: float | None
    account: Account
    publishing: Publishing
    queue_url: str | None
    queue_endpoint: str | None
    connections: int
    sns_envelope: bool
    sns_certificate: Path | None
    sns_signature_version: str


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Ends the program with a message where the arguments are wrong."""
    given = _parser().parse_args(arguments)
    return Options(
        host=given.host,
        port=given.port,
        port_file=given.port_file,
        journal=given.journal,
        fsync=given.fsync,
        keep=given.keep,
        rate=given.rate,
        burst=given.burst,
        bulk_rate=given.bulk_rate,
        account=Account(
            given.region, given.account_id, frozenset(given.identity), frozenset(given.configuration_set)
        ),
        publishing=Publishing(
            frozenset(given.event_kinds),
            given.event_delay,
            given.event_jitter,
            given.event_loss,
            given.event_duplication,
            given.seed,
            given.event_buffer,
        ),
        queue_url=given.queue_url,
        queue_endpoint=given.queue_endpoint,
        connections=given.queue_connections,
        sns_envelope=given.sns_envelope,
        sns_certificate=given.sns_certificate,
        sns_signature_version=given.sns_signature_version,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.ses",
        description="A stand-in for Amazon SES: API, events, faults, an inbox at /. Prints its address when ready.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_server(parser.add_argument_group("server"))
    _add_account(parser.add_argument_group("account"))
    _add_events(parser.add_argument_group("events"))
    return parser


def _add_server(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--port-file", type=Path, help="write the address here too, when ready")
    add("--journal", type=Path, required=True, help="append a line here for each accepted mail")
    add("--fsync", action="store_true", help="fsync the journal before each answer")
    add("--keep", type=_at_least_one, default=5000, help="mails kept for the inbox")


def _add_account(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--rate", type=_positive, help="recipients per second; without it there is no limit")
    add("--burst", type=_positive, help="recipients at once; one second's rate by default")
    add("--bulk-rate", type=_positive, help="bulk calls per second, whatever is in them; without it no limit")
    add("--region", default="eu-west-1", help="region in ids and ARNs")
    add("--account-id", default="000000000000", help="account in ARNs")
    add("--identity", action="append", default=[], help="may send; may be repeated; without it, all may")
    add("--configuration-set", action="append", default=[], help="exists; may be repeated; without it, all do")


def _add_events(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--queue-url", help="SQS queue for events; without it there are none")
    add("--queue-endpoint", help="where SQS is; the host of the URL by default")
    add("--queue-connections", type=_at_least_one, default=4, help="batches on their way at once")
    add("--sns-envelope", action="store_true", help="wrap events as SNS does without raw delivery")
    add("--sns-certificate", type=Path, help="write the certificate of those envelopes' signatures here")
    add("--sns-signature-version", choices=("1", "2"), default="1", help="1 is SHA-1, 2 is SHA-256")
    add("--event-kinds", type=EventKind, nargs="+", default=list(EventKind), help="publish these only")
    add("--event-delay", type=_seconds, default=0.0, help="seconds before an event goes out")
    add("--event-jitter", type=_seconds, default=0.0, help="up to so many seconds more, drawn for each")
    add("--event-loss", type=_ratio, default=0.0, help="share of events that never go out")
    add("--event-duplication", type=_ratio, default=0.0, help="share of events that go out twice")
    add("--event-buffer", type=_at_least_one, default=50_000, help="events that wait at most; more are dropped")
    add("--seed", type=int, default=0, help="draws loss, duplication and jitter")


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
