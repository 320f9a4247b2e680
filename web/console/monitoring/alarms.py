"""What is wrong now, in words, and what to do about it: the same as the alarms of deploy/prometheus/alarms.yml."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from notifier.outbox import ChannelState, Gauges
from notifier.outbox.status_updates.backlog import UPDATE_ALARM_SECONDS
from notifier.outbox.stream.status import (
    ALARM_SECONDS,
    CRITICAL_SECONDS,
    DISCOVERY_ALARM_SECONDS,
    WARNING_SECONDS,
)
from web.console.monitoring.watch import Proof
from web.console.rendering import counted, seconds


@dataclass(frozen=True, slots=True)
class Alarm:
    """`page` is the address where an operator acts; empty if it is not in the console."""

    level: Literal["warning", "critical"]
    text: str
    remedy: str
    page: str = ""


def alarms(gauges: Gauges, channels: Sequence[ChannelState], proof: Proof | None) -> list[Alarm]:
    """Return what is wrong, the critical first."""
    of_gauges = (_streams, _deliveries, _updates, _days)
    found = [*_proof(proof), *_channels(channels), *(alarm for part in of_gauges for alarm in part(gauges))]
    return sorted(found, key=lambda alarm: alarm.level != "critical")


def _proof(proof: Proof | None) -> Iterator[Alarm]:
    if proof is None:
        return
    if proof.error:
        yield Alarm("warning", f"The audit could not be made: {proof.error}", "See the console's log.")
    elif not proof.holds:
        open_ = sum(not shard["balanced"] for shard in proof.shards)
        wrong = [
            *([f"{counted(open_, 'shard does', 'shards do')} not balance"] if open_ else []),
            *([f"{counted(proof.stranded, 'delivery is', 'deliveries are')} stranded"] if proof.stranded else []),
        ]
        yield Alarm(
            "critical",
            f"The audit does not hold: {', '.join(wrong)}.",
            "Run `notifier audit`, which names them, and report it as a fault of Notifier.",
        )


def _channels(channels: Sequence[ChannelState]) -> Iterator[Alarm]:
    for each in channels:
        if each.state == "paused":
            text = f"The channel {each.channel} is paused: {each.reason}"
            yield Alarm("critical", text, "Resume it once the cause is gone: what waits is sent then.", "/channels")
        elif each.state == "parked":
            text = f"The channel {each.channel} is parked, its provider refuses the account: {each.reason}"
            remedy = "Settle it with the provider. A probe reopens the channel by itself; resuming is sooner."
            yield Alarm("critical", text, remedy, "/channels")


def _streams(gauges: Gauges) -> Iterator[Alarm]:
    if gauges.found["gaps_open"]:
        text = f"Records were lost before they were read: {counted(gauges.found['gaps_open'], 'gap', 'gaps')}."
        yield Alarm("critical", text, "Find out which, and acknowledge the gaps.", "/attention")
    lag = gauges.lag["seconds"]
    if lag > ALARM_SECONDS:
        level: Literal["warning", "critical"] = "critical" if lag > CRITICAL_SECONDS else "warning"
        text = f"Reading is {seconds(lag)} behind; after 24 hours records are lost."
        yield Alarm(level, text, "See which shards are behind, and whether bridges run.", "/shards")
    for table in gauges.tables:
        if table.shards and table.abandoned:
            text = f"No bridge reads the table {table.table}."
            yield Alarm("critical", text, "Start a bridge that has it in NOTIFIER_TABLES.", "/shards")
        elif table.unread:
            text = f"No bridge reads {table.unread} of the {table.shards} shards of the table {table.table}."
            yield Alarm("warning", text, "If it stays so, start a bridge.", "/shards")
    yield from _listings(gauges)
    for stream in gauges.waiting:
        if stream.seconds > WARNING_SECONDS:
            text = f"A new stream of the table {stream.table} has waited {seconds(stream.seconds)} for an older one."
            yield Alarm("warning", text, "`notifier let-go` ends the older one if it can be read no more.", "/shards")


def _listings(gauges: Gauges) -> Iterator[Alarm]:
    for listed in gauges.discovery:
        if (unlisted := min(listed.seconds, listed.asking_seconds)) > DISCOVERY_ALARM_SECONDS:
            text = f"The shards of the table {listed.table} could not be listed for {seconds(unlisted)}."
            yield Alarm(
                "critical", text, "The bridge's log says why: rights, network, or the table's stream.", "/shards"
            )
        if min(listed.childless_seconds, listed.asking_seconds) > DISCOVERY_ALARM_SECONDS:
            ended = counted(listed.childless, "ended shard", "ended shards")
            text = f"What follows {ended} of the table {listed.table} is not found."
            yield Alarm("critical", text, "The bridge's log says what DynamoDB answers.", "/shards")


def _deliveries(gauges: Gauges) -> Iterator[Alarm]:
    for (channel, kind), count in sorted(gauges.due.items()):
        if kind == "held":
            held = counted(count, f"outcome of {channel} is", f"outcomes of {channel} are")
            text = f"{held} held: it is not known whether the provider accepted them."
            yield Alarm("warning", text, "Ask the provider, then resolve each.", "/attention")
        elif kind == "unknown":
            text = f"{counted(count, 'unknown outcome', 'unknown outcomes')} of {channel}."
            remedy = "They settle by the provider's events, or at their deadline as the route says."
            yield Alarm("warning", text, remedy, "/attention")
    for name, nouns, text, remedy in (
        (
            "quarantine",
            ("record is", "records are"),
            "in quarantine: a bridge failed to understand what it read.",
            "Correct the cause, then replay.",
        ),
        (
            "dead_letters",
            ("message", "messages"),
            "of the feedback queue cannot be used.",
            "See the error, correct the cause, and acknowledge.",
        ),
    ):
        if count := gauges.found[name]:
            yield Alarm("warning", f"{counted(count, *nouns)} {text}", remedy, "/attention")


def _updates(gauges: Gauges) -> Iterator[Alarm]:
    for each in gauges.updates:
        if each.waiting and (each.oldest_seconds or 0.0) > UPDATE_ALARM_SECONDS:
            waited = f"have waited {seconds(each.oldest_seconds)}"
            text = (
                f"Status updates {waited} for {each.destination}."
                if each.destination
                else f"Status updates {waited}."
            )
            remedy = f"It accepts nothing: {each.error}" if each.error else "Is `notifier status-sender` running?"
            yield Alarm("warning", text, remedy, "/channels")


def _days(gauges: Gauges) -> Iterator[Alarm]:
    if overdue := sum(gauges.days.overdue.values()):
        text = f"{counted(overdue, 'day is', 'days are')} older than NOTIFIER_KEEP_DAYS, and kept."
        yield Alarm("warning", text, "`notifier retain --dry-run` says why.")
