"""The last messages with their contents, for the inbox. Older ones are removed; only the journal has all mails."""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from simulators.ses.events.delivery_results import DeliveryResult
from simulators.ses.inbox.readable import readable
from simulators.ses.mail import Content, Receipt


class InboxMessage(NamedTuple):
    """A message in the mailbox. `number` starts at 1 and is never used again."""

    number: int
    receipt: Receipt
    content: Content
    result: DeliveryResult | str
    channel: str = "email"


class Mailbox:
    """Keeps the last `keep` messages. `newest` is the number of the last one."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._mails: deque[InboxMessage] = deque()
        self._by_id: dict[str, InboxMessage] = {}
        self.newest = 0

    def __len__(self) -> int:
        return len(self._mails)

    def add(self, receipt: Receipt, content: Content, result: DeliveryResult | str, channel: str = "email") -> None:
        self.newest += 1
        kept = InboxMessage(self.newest, receipt, content, result, channel)
        self._mails.append(kept)
        self._by_id[receipt.message_id] = kept
        if len(self._mails) > self._keep:
            del self._by_id[self._mails.popleft().receipt.message_id]

    def get(self, message_id: str) -> InboxMessage | None:
        return self._by_id.get(message_id)

    def page(self, words: str, top: int | None, start: int, size: int) -> tuple[list[InboxMessage], int]:
        """Messages that contain `words`, newest first, and how many there are in all.

        `start` and `size` select the page. `top` is the number of the newest message that counts, None for all.
        """
        found = list(self._found(words.lower(), self.newest if top is None else top))
        return list(islice(found, start, start + size)), len(found)

    def clear(self) -> None:
        self._mails.clear()
        self._by_id.clear()

    def _found(self, words: str, top: int) -> Iterator[InboxMessage]:
        for kept in reversed(self._mails):
            if kept.number <= top and (not words or words in _searched(kept)):
                yield kept


def _searched(kept: InboxMessage) -> str:
    envelope = kept.receipt.envelope
    tags = (value for _, value in envelope.tags)
    people = map(readable, (envelope.sender, *envelope.recipients, envelope.subject))
    return "\n".join((kept.channel, *people, *tags)).lower()
