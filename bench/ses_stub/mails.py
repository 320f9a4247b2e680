"""The accepted mails. Each event of the load has its own recipient, by which its mail is known."""

import itertools
import time
from collections.abc import Iterator

_TO = b'"ToAddresses"'  # within a text of JSON its last quote would be escaped, so that this is always the member


def recipients(text: bytes | bytearray, start: int, stop: int) -> Iterator[bytes]:
    """The first recipient of each mail in a request of SendEmail or SendBulkEmail, without parsing its JSON."""
    at = text.find(_TO, start, stop)
    while at >= 0:
        first = text.index(b'"', at + len(_TO)) + 1
        end = text.index(b'"', first)
        yield bytes(text[first:end])
        at = text.find(_TO, end, stop)


class Mails:
    def __init__(self) -> None:
        self.accepted = 0
        self.requests = 0
        self.first: dict[bytes, float] = {}
        """When the first mail to each recipient was accepted, in Unix seconds."""
        self._numbers = itertools.count(1)

    @property
    def duplicated(self) -> int:
        return self.accepted - len(self.first)

    def accept(self, text: bytes | bytearray, start: int, stop: int) -> list[bytes]:
        """Accept all mails of the request in this part of `text`. Returns a MessageId of the form of SES for each."""
        now = time.time()
        self.requests += 1
        return [self._accept(recipient, now) for recipient in recipients(text, start, stop)]

    def _accept(self, recipient: bytes, now: float) -> bytes:
        self.accepted += 1
        self.first.setdefault(recipient, now)
        number = next(self._numbers)
        return b"0102%012x-%08x-0000-4000-8000-%012x-000000" % (int(now * 1000), number, number)
