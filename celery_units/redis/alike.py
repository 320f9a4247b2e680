"""Messages that differ only in the id of their task and in their delivery tag: decoded once for all of them.

A program that calls one task again and again writes the same bytes around the two. To compare these bytes takes a
fifth of the time that it takes to decode them.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from string import ascii_letters
from typing import Any, NamedTuple

from celery_units import malformed
from celery_units.redis import reserve

_MOST = 8
"""So many kinds of messages are known at once: of several producers, and of messages with so many retries."""
_ID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID_BYTES, _TAG_BYTES = (f"{more}0123456789-".encode() for more in ("abcdef", ascii_letters))
_ID_LENGTH = 36
_OTHER_ID, _OTHER_TAG = "00000000-0000-4000-8000-000000000000", "other-tag"


class AlikeMessage(NamedTuple):
    """A message of a known kind, not decoded."""

    kind: "AlikeMessages"
    id: str
    tag: str

    @property
    def task(self) -> str:
        """The name of the task that it calls."""
        return self.kind.task

    def decoded(self) -> dict[str, Any]:
        return reserve.decode(self.kind.bytes_of(self.id.encode(), self.tag.encode()))


class AlikeMessages:
    """One kind of such messages: the bytes around the ids and the tag."""

    def __init__(self, parts: list[bytes], head: bytes, tail: bytes, task: str) -> None:
        """`parts` are the bytes before each id; `head` and `tail` stand before and after the tag, behind the last."""
        self.task = task
        self._parts = [*parts, head]
        self._tail = tail
        self._start = len(parts[0])
        self._end = self._start + _ID_LENGTH
        self._until = -len(tail)

    @classmethod
    def of(cls, message: bytes, payload: dict[str, Any]) -> "AlikeMessages | None":
        """Return the kind of that message. `payload` is the message decoded. None if no other can be like it."""
        try:
            id_, tag = payload["headers"]["id"].encode(), payload["properties"]["delivery_tag"].encode()
        except malformed.ERRORS:
            return None
        *parts, end = message.split(id_) if _ID.fullmatch(id_) else [message]
        if not parts or not tag or tag.translate(None, _TAG_BYTES) or message.count(tag) != 1 or tag not in end:
            return None
        head, tail = end.split(tag)
        if b"\\u" in message or any(each.endswith(b"\\") for each in (*parts, head)):
            return None  # an id might be a part of an escape, which another id would make another one
        kind = cls(parts, head, tail, reserve.task_of(payload))
        return kind if kind._fits() else None

    @property
    def other(self) -> AlikeMessage:
        """A made-up message of this kind, with a fixed id and tag, to test that the two stand where they seem to."""
        return AlikeMessage(self, _OTHER_ID, _OTHER_TAG)

    def _fits(self) -> bool:
        """Return whether the id and the tag are where they seem to be."""
        other = self.other.decoded()
        ids = other["headers"]["id"], other["properties"]["delivery_tag"]
        return ids == (_OTHER_ID, _OTHER_TAG) and reserve.task_of(other) == self.task

    def bytes_of(self, id_: bytes, tag: bytes) -> bytes:
        return id_.join(self._parts) + tag + self._tail

    def match(self, messages: Iterable[bytes]) -> list[AlikeMessage]:
        """Return the messages up to the first that is not of this kind: the same bytes with another id and tag."""
        start, end, until, parts, tail = self._start, self._end, self._until, self._parts, self._tail
        found: list[AlikeMessage] = []
        for message in messages:
            id_ = message[start:end]
            before = id_.join(parts)
            if not (message.startswith(before) and message.endswith(tail)):
                break
            tag = message[len(before) : until]
            # No quote and no escape: each stands in a text, and means what it is.
            if not tag or tag.translate(None, _TAG_BYTES) or id_.translate(None, _ID_BYTES):
                break
            found.append(AlikeMessage(self, id_.decode(), tag.decode()))
        return found


Reserved = dict[str, Any] | AlikeMessage
"""A message as it is in Redis: decoded, unless it is like an earlier one."""


def decoded(message: Reserved) -> dict[str, Any]:
    """Return the message as kombu decodes it."""
    return message.decoded() if isinstance(message, AlikeMessage) else message


class KnownMessages:
    """The kinds of messages that one channel has seen last."""

    def __init__(self) -> None:
        self._kinds: deque[AlikeMessages] = deque(maxlen=_MOST)

    def find(self, messages: Sequence[bytes], start: int = 0) -> list[AlikeMessage]:
        """Return the messages from that place on that are of one known kind, up to the first that is not."""
        rest = messages[start:]  # once: each kind would skip the messages before them
        for place, kind in enumerate(self._kinds):
            if found := kind.match(rest):
                if place:
                    del self._kinds[place]
                    self._kinds.appendleft(kind)
                return found
        return []

    def learn(self, message: bytes, payload: dict[str, Any]) -> None:
        """Know messages like this one from now on. `payload` is the message decoded."""
        if kind := AlikeMessages.of(message, payload):
            self._kinds.appendleft(kind)
