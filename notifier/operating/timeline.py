"""What happened to one notification, as lines in the order of time. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from notifier.notifications import Status

Fields = Mapping[str, Any]
"""A row of the outbox, or a line of the timeline."""

_ACCEPTED = frozenset((Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED))
_RANKS = {"bridge": 0, "provider": 2}
_OF_WORKER = 1
_AGAIN = f"{Status.PENDING} → {Status.PENDING}"
_TRY = "try "
_RETRY = "retry"
"""The kind of a row in `due`."""


def timeline(facts: Fields, events: Sequence[Fields], feedback: Sequence[Fields]) -> list[dict[str, Any]]:
    """Return every change, oldest first: recorded, the tries and their results, and the provider's events.

    Providers give times of another clock, and before their answer has come back. So within one second the order is:
    recorded, our changes, the provider's events.
    """
    lines = [_line(facts["recorded_at"], "recorded", None, "bridge", None)]
    for event, reason in zip(events, _reasons(events), strict=True):
        if event["begun_at"] and event["status_from"] == Status.SENDING:
            lines.append(_line(event["begun_at"], "pending → sending", event["attempt"], event["actor"], None))
        change = f"{event['status_from']} → {event['status_to']}"
        lines.append(_line(event["at"], change, event["attempt"], event["actor"], reason))
    lines += _last_attempt(facts, events)
    lines += [
        _line(each["occurred_at"], f"provider: {each['kind']}", each["attempt"], "provider", each["detail"])
        for each in feedback
    ]
    return sorted(lines, key=_order)


def line_in_words(line: Fields) -> dict[str, Any]:
    """Return a line of the timeline as people read it: a try without a request, after which another one follows."""
    waits = line["change"] == _AGAIN and (line["reason"] or "").startswith(_TRY)
    return {**line, "change": "waits for a retry"} if waits else dict(line)


def facts_in_words(facts: Fields) -> dict[str, Any]:
    """Return the facts of a notification as people read them: only those that there are.

    `ended_at` is left out while it is pending or sending, because it is the end of an earlier try. Without a request
    there is no attempt.
    """
    absent = {name for name, value in facts.items() if value is None or value is False}
    absent |= {"ended_at"} if facts["status"] in {Status.PENDING, Status.SENDING} else set()
    absent |= set() if facts["attempt"] else {"attempt"}
    shown = dict(facts)
    if facts["status"] == Status.PENDING and facts["failures"] and facts["waits_for"] == _RETRY:
        shown["status"] = f"{facts['status']}, waits for a retry"
        absent.add("waits_for")
    return {name: value for name, value in shown.items() if name not in absent}


def _order(line: Fields) -> tuple[Any, ...]:
    return line["at"].replace(microsecond=0), _RANKS.get(line["actor"], _OF_WORKER), line["at"]


def _reasons(events: Sequence[Fields]) -> Iterator[str | None]:
    """Yield the reason of each event; for an error of the route or its template with the number of the try.

    Such a try sends no request, so that its attempt has no number. The numbers begin again with a redrive. A wait for
    a time that the route names, and the end of that wait, are no tries.
    """
    tries = 0
    for event in events:
        failed = event["status_to"] in {Status.PENDING, Status.FAILED} and not _waits(event)
        if event["status_from"] in {Status.FAILED, Status.SHADOWED}:
            tries = 0
        elif failed and event["status_from"] in {Status.PENDING, Status.SENDING}:
            tries += 1
        numbered = failed and event["status_from"] == Status.PENDING
        yield f"{_TRY}{tries}: {event['reason']}" if numbered else event["reason"]


def _waits(event: Fields) -> bool:
    """Return whether the route returned `Later`, or an operator brought the delivery forward: the statements of both
    begin the reason so.
    """
    return (event["reason"] or "").startswith(("waits until ", "brought forward: "))


def _last_attempt(facts: Fields, events: Sequence[Fields]) -> list[dict[str, Any]]:
    """Return the lines of an attempt that needs no event of its own, because the delivery's row says all of it."""
    actor = facts["actor"] or "worker"
    if facts["status"] == Status.SKIPPED:
        return [_line(facts["ended_at"], "pending → skipped", None, "worker", facts["reason"])]
    ended = any(each["status_from"] == Status.SENDING and each["attempt"] == facts["attempt"] for each in events)
    if ended or not facts["begun_at"] or facts["status"] not in {Status.SENDING, *_ACCEPTED}:
        return []
    lines = [_line(facts["begun_at"], "pending → sending", facts["attempt"], actor, None)]
    if facts["status"] in _ACCEPTED:
        lines.append(_line(facts["ended_at"], "sending → sent", facts["attempt"], actor, None))
    return lines


def _line(at: Any, change: str, attempt: int | None, actor: str, reason: str | None) -> dict[str, Any]:
    return {"at": at, "change": change, "attempt": attempt, "actor": actor, "reason": reason}
