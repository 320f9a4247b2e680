"""The accepted mails. A mail is told by its recipient, who is another one for each event of the load."""

import itertools
import time
from collections.abc import Iterator

_TO = b'"ToAddresses"'  # within a JSON text its last quote would be escaped, so this is always the member


def recipients(text: bytes | bytearray, start: int, stop: int) -> Iterator[bytes]:
    """The first recipient of each mail in a request of SendEmail or SendBulkEmail. Does not read all of its JSON."""
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
        """When each recipient got a mail for the first time, in Unix seconds."""
        self._numbers = itertools.count(1)

    @property
    def duplicated(self) -> int:
        return self.accepted - len(self.first)

    def accept(self, text: bytes | bytearray, start: int, stop: int) -> list[bytes]:
        """Take all mails of the request that lies there; answers a MessageId for each, as SES writes them."""
        now = time.time()
        self.requests += 1
        return [self._accept(recipient, now) for recipient in recipients(text, start, stop)]

    def _accept(self, recipient: bytes, now: float) -> bytes:
        self.accepted += 1
        self.first.setdefault(recipient, now)
        number = next(self._numbers)
        return b"0102%012x-%08x-0000-4000-8000-%012x-000000" % (int(now * 1000), number, number)
