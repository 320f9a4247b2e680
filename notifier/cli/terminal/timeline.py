"""What happened to one notification, as lines in the order of time. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from notifier.notifications import Status

Row = Mapping[str, Any]

_ACCEPTED = frozenset((Status.SENT, Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED))


def timeline(facts: Row, events: Sequence[Row], feedback: Sequence[Row]) -> list[dict[str, Any]]:
    """Every change, oldest first: the recorded ones, what the row says of its last attempt, the provider's events."""
    lines = [_line(facts["recorded_at"], "recorded", None, "bridge", None)]
    for event in events:
        if event["begun_at"] and event["status_from"] == Status.SENDING:
            lines.append(_line(event["begun_at"], "pending → sending", event["attempt"], event["actor"], None))
        change = f"{event['status_from']} → {event['status_to']}"
        lines.append(_line(event["at"], change, event["attempt"], event["actor"], event["reason"]))
    lines += _last_attempt(facts, events)
    lines += [
        _line(each["occurred_at"], f"provider: {each['kind']}", each["attempt"], "provider", each["detail"])
        for each in feedback
    ]
    return sorted(lines, key=lambda line: line["at"])


def _last_attempt(facts: Row, events: Sequence[Row]) -> list[dict[str, Any]]:
    """The common changes have no row of their own: the delivery itself says enough."""
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
