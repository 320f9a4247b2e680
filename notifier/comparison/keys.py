"""The key by which a shadowed message is found in the file of the older system. Pure."""

from collections.abc import Sequence
from typing import Any

from notifier.outbox import records as wire
from notifier.outbox.shadow.shadowed import ShadowedMessage

SEQUENCE_NUMBER = "sequence_number"
"""In place of attributes: the number of the record in its shard."""
_IMAGES = ("Keys", "NewImage", "OldImage")


def key_of(message: ShadowedMessage, attributes: Sequence[str]) -> str | None:
    """Return the values of these attributes of the item, joined by `/`; None if the record lacks one.

    Without attributes: those of the table's key, in the order of their names. An attribute that is not in the key is
    that of the item after the change, or before it.
    """
    if list(attributes) == [SEQUENCE_NUMBER]:
        return message.sequence_number
    try:
        change = wire.parse(message.record)["dynamodb"]
        images = [change[each] for each in _IMAGES if each in change]
        names = attributes or sorted(change["Keys"])
        values = [_value(name, images) for name in names]
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return "/".join(values).encode(errors="replace").decode()


def _value(name: str, images: Sequence[dict[str, Any]]) -> str:
    """Raise LookupError if no image has the attribute."""
    typed = next((image[name] for image in images if name in image), None)
    if not typed:
        raise LookupError(name)
    return str(next(iter(typed.values())))
