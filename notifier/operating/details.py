"""What is shown of one notification beside its timeline. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from notifier.notifications import Status
from notifier.operating.times import in_words
from notifier.outbox import records as wire

_IMAGES = {"NewImage": "attributes", "OldImage": "old_attributes"}


def item_outline(record: bytes) -> dict[str, Any]:
    """Return the keys of the item and the names of its attributes. Their values may be personal data."""
    try:
        change = wire.parse(bytes(record))["dynamodb"]
        keys = {name: value for name, typed in change["Keys"].items() for value in typed.values()}
        names = {ours: sorted(change[theirs]) for theirs, ours in _IMAGES.items() if theirs in change}
    except (ValueError, LookupError, TypeError, AttributeError):  # no record of DynamoDB Streams: --reveal shows it
        return {}
    return {"keys": keys, **names}


def last_traceback(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the last traceback, and how many there are: those of other tries are mostly the same. None if none."""
    failed = [event for event in events if event["detail"] and event["status_to"] != Status.SHADOWED]
    if not failed:
        return None
    count = f"the last of {len(failed)}, " if len(failed) > 1 else ""
    return f"{count}{in_words(failed[-1]['at'])}, {failed[-1]['status_to']}\n{failed[-1]['detail']}"


def shadow_subject(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the subject of the message that was built in shadow last. None if there is none."""
    built = [event["detail"] for event in events if event["status_to"] == Status.SHADOWED]
    return built[-1] if built else None
