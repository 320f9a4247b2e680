"""Reads the origin from a stream record as the outbox has it. Pure."""

from notifier.outbox import records as wire
from notifier.tracing.origin import Origin


def origin_in(record: bytes, attribute: str) -> Origin | None:
    """Return the origin that the item's attribute names: of the item after the change, or before its removal.

    None if the record has none: an attribute that is missing, malformed or no text is ignored.
    """
    if attribute.encode() not in record:  # most of the cost is the parsing
        return None
    try:
        change = wire.parse(record)["dynamodb"]
        image = change.get("NewImage") or change.get("OldImage") or {}
        return Origin.of(image[attribute]["S"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
