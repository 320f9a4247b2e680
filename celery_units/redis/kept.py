"""The messages that a channel moves from the lists of its queues to `unacked` and back, each move in one step."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from math import inf
from typing import Any
from uuid import uuid4

import orjson
from kombu.log import get_logger
from kombu.utils.encoding import bytes_to_str
from kombu.utils.scheduling import priority_cycle

from celery_units import malformed
from celery_units.redis import give_back, reserve
from celery_units.redis.alike import KnownMessages
from celery_units.redis.handing_out import Run
from celery_units.redis.reserve import MOST, QueueList, script
from celery_units.shares import QueueShares

log = get_logger(__name__)

_RENEW = script("renew.lua")
_CLOCK_STEP = 1.0
"""Seconds. No message was taken so much later than now, unless the clock of Redis was set back."""


class KeptMessages:
    """Reserves the messages of one channel, and gives them back."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._prefix = channel.global_keyprefix
        self._unacked = f"{self._prefix}{channel.unacked_key}", f"{self._prefix}{channel.unacked_index_key}"
        self._note = f"{self._prefix}unacked_noted:{uuid4().hex}"
        self.without_acks: set[str] = set()
        """The queues whose messages need no acknowledgement."""
        self._known = KnownMessages()
        self.spare: Callable[[], int] = lambda: 0
        """How many messages this worker can take and still run the next one at once, so that no other need wake."""
        options = channel.connection.client.transport_options
        groups, self._unawaited = options.get("queue_shares"), frozenset(options.get("unawaited_queues") or ())
        self.shares = QueueShares(groups) if groups else None
        """How the queues share what is reserved; None: as kombu's channel has it."""
        self.limited = self.shares if self.shares and self.shares.limits else None
        """The same where a queue may hold only a part."""

    def lists(self, queues: Sequence[str]) -> list[QueueList]:
        """The lists of these queues, those of the most urgent priority first.

        Where queues share, those of the most urgent group come first instead: kombu's order of the queues changes
        with each request, and the script lets a group have only what the groups before it leave room for.
        """
        found = [
            QueueList(
                queue,
                key := self._key(queue, step),
                f"{key}{self._channel.sep}calls",
                keep=queue not in self.without_acks,
            )
            for step in self._channel.priority_steps
            for queue in queues
        ]
        if (shares := self.shares) is None:
            return found
        return sorted(found, key=lambda each: shares.level(each.queue))

    def awaited(self, queues: Sequence[str]) -> list[QueueList]:
        """The lists of those queues for whose messages to wait: without those of the option `unawaited_queues`, from
        which requests for the others take too. All of them if no others are left.
        """
        return self.lists([each for each in queues if each not in self._unawaited] or queues)

    def request(self, lists: Sequence[QueueList], *, want: int, acks: Sequence[str], name: str = "") -> list[Any]:
        """A reservation request: acknowledges `acks` and reserves up to `want` messages."""
        width = len(lists) // len(self._channel.priority_steps)
        fair = not isinstance(self._channel._queue_cycle, priority_cycle)  # noqa: SLF001
        shares = b""
        if self.shares and want:  # a request that only acknowledges uses no turn
            shares = self.shares.argument([each.queue for each in lists], self._channel.qos.limit)
        return reserve.command(
            self._unacked,
            lists,
            want=want,
            width=width,
            fair=fair,
            acks=acks,
            spare=self.spare(),
            note=self._note,
            name=name,
            shares=shares,
        )

    def has_room(self, queue: str) -> bool:
        """Return whether the queue's share leaves room for another message."""
        return self.limited is None or self.limited.has_room(queue, self._channel.qos.limit)

    def read(self, reply: Iterable[Any], lists: Sequence[QueueList]) -> Iterator[Run]:
        """The messages of a reply to `request`. Those that are like an earlier one are not decoded.

        A message that cannot be decoded is logged and acknowledged: otherwise it would be delivered again and again.
        """
        learned = False
        for origin, messages in reserve.messages(reply, lists):
            place = 0
            while place < len(messages):
                if alike := self._known.find(messages, place):
                    place += len(alike)
                    yield self._hold(Run(origin, alike))
                    continue
                message = messages[place]
                place += 1
                try:
                    payload = reserve.decode(message)
                    tag = reserve.tag_of(payload)
                except malformed.ERRORS:
                    known, size = reserve.tag_in(message), len(message)
                    text = "a message of %s that cannot be read is dropped: tag %.100r, %d bytes"
                    log.critical(text, origin.queue, known, size)  # not what it says, which may be personal
                    if origin.keep and known:
                        self._channel.qos.ack(known)
                    continue
                if not learned:  # once a reply: it takes as long as several messages, and others may all be different
                    self._known.learn(message, payload)
                    learned = True
                payload["properties"]["delivery_tag"] = tag
                yield self._hold(Run(origin, [], payload))

    def _hold(self, run: Run) -> Run:
        if self.limited and run.origin.keep:
            self.limited.hold(run.origin.queue, run.tags)
        return run

    def give_back(
        self, tags: Sequence[str], *, last: bool = False, latest: float | None = None, lost: bool = False
    ) -> None:
        """Put messages back into their queues, in the order of `tags`. One that is in `unacked` no more is left out.

        They become the next to be taken, or the `last`. `latest` and `lost` are those of `give_back.command`.
        Raises the last error with which Redis refused some of them, once the others are given back.
        """
        if error := self.try_to_give_back(tags, last=last, latest=latest, lost=lost)[1]:
            raise error

    def try_to_give_back(
        self, tags: Sequence[str], *, last: bool = False, latest: float | None = None, lost: bool = False
    ) -> tuple[list[str], Exception | None]:
        """Like `give_back`, but return the tags that Redis refused and its last error."""
        channel = self._channel
        lookup = cache(channel._lookup)  # noqa: SLF001

        def binding(message: dict[str, Any], exchange: str, routing_key: str) -> list[str]:
            step = channel._get_message_priority(message, reverse=False)  # noqa: SLF001
            return [self._key(queue, step) for queue in lookup(exchange, routing_key) or [routing_key]]

        ordered = list(tags if last else reversed(tags))
        left: list[str] = []
        refused: Exception | None = None
        with channel.conn_or_acquire() as client:
            for first in range(0, len(ordered), MOST):
                page = ordered[first : first + MOST]
                with client.pipeline(transaction=False) as pipe:
                    for tag in page:
                        pipe.hget(channel.unacked_key, tag)
                    entries = dict(zip(page, pipe.execute(), strict=True))
                try:
                    reply = client.execute_command(
                        *give_back.command(self._unacked, entries, binding, latest=latest, last=last, lost=lost)
                    )
                except channel.ResponseError as error:
                    left, refused = [*left, *page], error
                else:
                    left += map(bytes_to_str, reply[1:])
                    refused = reply[0] if reply else refused
        return left, refused

    def renew(self, seconds: Mapping[str, float]) -> list[str]:
        """Count messages as taken now, given by tag with the seconds that renew.lua needs. Return the tags of those
        that were acknowledged, given back, or taken again.
        """
        with self._channel.conn_or_acquire() as client:
            reply = client.execute_command("EVAL", _RENEW, 1, self._unacked[1], orjson.dumps(seconds))
        return [bytes_to_str(tag) for tag in reply]

    def give_back_overdue(self, seconds: float, most: int | None) -> None:
        """Give back up to `most` messages that any worker took more than `seconds` ago, on the clock of Redis."""
        page = {} if most is None else {"offset": 0, "num": most}
        index = self._channel.unacked_index_key
        with self._channel.conn_or_acquire() as client:
            with client.pipeline(transaction=False) as pipe:
                (clock, microseconds), newest = pipe.time().zrange(index, -1, -1, withscores=True).execute()
            now = clock + microseconds / 1_000_000
            self._give_back_taken(client, 0, now - seconds, lost=True, **page)
            if newest and newest[0][1] > now + _CLOCK_STEP:  # last: a full Redis refuses it
                self._count_as_taken(client, now)

    def _count_as_taken(self, client: Any, now: float) -> None:
        """Count messages as taken now that were taken later than that: the clock of Redis was set back since, and
        those of a killed worker would be overdue only once it has passed that time again.
        """
        index = self._channel.unacked_index_key
        tags = client.zrange(index, now + _CLOCK_STEP, inf, byscore=True, offset=0, num=MOST)
        client.zadd(index, dict.fromkeys(map(bytes_to_str, tags), now), xx=True)

    def give_back_unanswered(self, name: str) -> None:
        """Give back what the request `name` reserved, if it was the last of this channel that reserved something."""
        with self._channel.conn_or_acquire() as client:
            noted, _, moment = bytes_to_str(client.get(self._note) or b"").partition(" ")
            if noted == name:
                self._give_back_taken(client, float(moment), float(moment))

    def _give_back_taken(self, client: Any, since: float, until: float, *, lost: bool = False, **page: int) -> None:
        tags = client.zrange(self._channel.unacked_index_key, since, until, byscore=True, **page)
        self.give_back([bytes_to_str(tag) for tag in tags], latest=until, lost=lost)

    def _key(self, queue: str, step: int) -> str:
        return f"{self._prefix}{self._channel._q_for_pri(queue, step)}"  # noqa: SLF001
