"""Open connections to the SMTP server, kept for the next mails."""

import time
from collections import deque
from collections.abc import Callable

from workers.channels.smtp.connection import Connection

IDLE_SECONDS = 30.0
"""A connection that was not used for longer is replaced: servers close idle ones, some after a minute."""


class Connections:
    """Idle connections. Thread-safe; opens none before the first mail."""

    def __init__(
        self, open_: Callable[[], Connection], mails: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`open_` opens one, `mails` is how many are sent on each."""
        self._open = open_
        self._mails = mails
        self._clock = clock
        self._kept: deque[Connection] = deque()

    def take(self) -> tuple[Connection, bool]:
        """Return a connection, and whether it was open before. Raise what opening one raises."""
        while True:
            try:
                connection = self._kept.popleft()
            except IndexError:
                return self._open(), False
            if self._clock() - connection.used_at <= IDLE_SECONDS and not connection.dropped():
                return connection, True
            connection.close()

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next mail, or close it if it cannot take one."""
        connection.mails += 1
        connection.used_at = self._clock()
        if connection.usable and connection.mails < self._mails:
            self._kept.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        while self._kept:
            self._kept.pop().close()
