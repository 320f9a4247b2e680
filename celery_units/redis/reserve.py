"""Reserving messages: one command acknowledges, takes messages from their lists and keeps them in `unacked`.

A message is in its list or in `unacked` at every moment, so a worker that is killed loses none.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson
from kombu.utils.json import loads

MOST = 500
"""The most messages that one command reserves or gives back."""


def script(name: str) -> str:
    """Return the text of a file beside this one without its comment lines: EVAL sends it with each command."""
    lines = (files(__package__) / name).read_text().splitlines()
    return "\n".join(line for line in lines if line and not line.startswith("--"))


_IN_ORDER, _BY_SHARES = (
    script("reserve.lua").replace("{take}", script(name)) for name in ("take_in_order.lua", "take_by_shares.lua")
)
_TAG = re.compile(rb'"delivery_tag" *: *"([^"\\]+)"')


@dataclass(frozen=True, slots=True)
class QueueList:
    """The list in Redis that holds the messages of one queue and one priority, at `key`.

    `wakeups` is the key of its wake-up list, see `waiter.py`. Without `keep` its messages need no acknowledgement
    and are not kept in `unacked`.
    """

    queue: str
    key: str
    wakeups: str
    keep: bool

    @property
    def ending(self) -> str:
        """What follows a message in its entry in `unacked`, which kombu writes as `[message, exchange, routing key]`.

        The exchange is the anonymous one, so that the message returns to the queue that it came from.
        """
        return f', "", {json.dumps(self.queue)}]' if self.keep else ""


def command(
    unacked: Sequence[str],
    lists: Sequence[QueueList],
    *,
    want: int,
    width: int,
    fair: bool,
    acks: Sequence[str],
    spare: int = 0,
    note: str = "",
    name: str = "",
    shares: bytes = b"",
) -> list[Any]:
    """A reservation request: the command that acknowledges `acks` and reserves up to `want` messages.

    `unacked` are the keys of the hash and of its index; `width` lists have the same priority, and share where
    `fair`; with `shares`, see `QueueShares.argument`, they share as it says. If it empties a list, another worker is
    woken only if it takes more than `spare` messages. With a `name`, the key `note` receives the name and the time of
    the last request that took something.
    """
    keys = [*unacked, note, *(each.key for each in lists), *(each.wakeups for each in lists)]
    endings = [each.ending for each in lists]
    text = _BY_SHARES if shares else _IN_ORDER
    how = [want, name, width, int(fair), spare]
    return ["EVAL", text, len(keys), *keys, *how, orjson.dumps(acks), shares, *endings]


def error_in(reply: Sequence[Any]) -> Exception | None:
    """Why Redis took nothing from some of the lists, though it did from others. None if it read all of them."""
    return reply[-1] if reply and isinstance(reply[-1], Exception) else None


def messages(reply: Iterable[Any], lists: Sequence[QueueList]) -> Iterator[tuple[QueueList, list[bytes]]]:
    """The messages of a reply to `command` by their lists, the oldest of each first."""
    for number, *taken in (each for each in reply if not isinstance(each, Exception)):
        yield lists[number - 1], taken


def decode(message: bytes) -> dict[str, Any]:
    """Decode as kombu does, in a fifth of the time. Raises ValueError or RecursionError."""
    if b'"__type__"' in message:  # kombu's mark for a value that JSON does not know
        return loads(message)  # type: ignore[no-any-return]
    try:
        return orjson.loads(message)  # type: ignore[no-any-return]
    except orjson.JSONDecodeError:
        return loads(message)  # type: ignore[no-any-return]  # NaN and whatever else Python's decoder accepts


def tag_in(message: bytes) -> str | None:
    """The tag under which Redis may keep a message that cannot be decoded. None if there is none."""
    found = _TAG.search(message)
    return found[1].decode(errors="replace") if found else None


def tag_of(payload: dict[str, Any]) -> str:
    """The delivery tag as Redis keeps it, also of a number. Raises one of `malformed.ERRORS`."""
    tag = payload["properties"]["delivery_tag"]
    if type(tag) not in (str, int, float):
        raise TypeError("the delivery tag is no text")
    text = tag if isinstance(tag, str) else f"{float(str(tag)):.17g}"  # of a number, as reserve.lua has it
    text.encode()  # half a surrogate pair cannot be sent
    return text


def task_of(payload: dict[str, Any]) -> str:
    """The name of the task that a message calls. Empty if it is no message of Celery."""
    headers = payload.get("headers")
    task = headers.get("task") if isinstance(headers, dict) else None
    return task if isinstance(task, str) else ""
