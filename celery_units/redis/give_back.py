"""Giving messages back: one command moves hundreds of them from `unacked` into the lists of their queues."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kombu.log import get_logger
from kombu.utils.json import dumps, loads

from celery_units import malformed
from celery_units.redis.reserve import script

log = get_logger(__name__)

_SCRIPT = script("give_back.lua")

Binding = Callable[[dict[str, Any], str, str], Sequence[str]]
"""Returns the keys of the lists for a message, given the message, its exchange and its routing key."""


def command(
    unacked: Sequence[str],
    entries: Mapping[str, bytes | None],
    binding: Binding,
    *,
    latest: float | None,
    last: bool,
    lost: bool = False,
) -> list[Any]:
    """Return the command that gives back the messages of `entries`, which are entries of `unacked` by tag.

    With `latest`, only messages that were taken at or before that time are given back (seconds, on the clock of
    Redis). `last` puts them behind the messages that wait, otherwise they are the next to be taken. `lost` adds 1 to
    their header `losses`: their worker did not give them back, and one of them may have crashed it.
    """
    keys: dict[str, int] = {}
    arguments: list[Any] = []
    for tag, entry in entries.items():
        lists, message = _redelivery(tag, entry, binding, lost=lost)
        for key in lists or [""]:
            number = keys.setdefault(key, len(keys) + 1) if key else 0
            arguments += [tag, number, message]
    push = "LPUSH" if last else "RPUSH"
    return ["EVAL", _SCRIPT, 2 + len(keys), *unacked, *keys, "" if latest is None else repr(latest), push, *arguments]


def _redelivery(tag: str, entry: bytes | None, binding: Binding, *, lost: bool) -> tuple[Sequence[str], str]:
    """Return the keys of the lists for a message, and the message as it will be delivered again."""
    if entry is None:
        return [], ""
    try:
        message, exchange, routing_key = loads(entry)
        with suppress(KeyError):
            message["headers"]["redelivered"] = True
            message["headers"]["losses"] = int(message["headers"].get("losses") or 0) + lost
            message["properties"]["delivery_info"]["redelivered"] = True
        return binding(message, exchange, routing_key), dumps(message)
    except malformed.ERRORS:
        log.critical("a message that cannot be read is dropped: %s", tag)
        return [], ""
