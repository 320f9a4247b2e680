"""Sessions: what the console remembers of somebody who is signed in, from the login to the logout.

They are in the memory of the process: a logout ends a session for good, and a restart ends all of them. The browser
has a random token in its cookie, and the console only the token's hash.
"""

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from web.console.access.role import User
from web.console.messages.frames import Frames

_MOST = 10_000
"""Sessions at once. Above that the one that was used least recently ends."""


@dataclass(frozen=True, slots=True)
class Flash:
    """One line about what an action did, shown on the next page."""

    text: str
    kind: Literal["done", "failed"] = "done"


@dataclass(slots=True)
class Session:
    """`csrf` is the value that each form of the session holds. Times are seconds of the clock of `Sessions`."""

    user: User
    began: float
    seen: float
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    flashes: list[Flash] = field(default_factory=list)
    frames: Frames = field(default_factory=Frames)

    def take_flashes(self) -> list[Flash]:
        """Return the lines that were not shown yet. They are not returned again."""
        taken, self.flashes = self.flashes, []
        return taken


class Sessions:
    """All sessions. One ends `idle` seconds after its last use, and `longest` seconds after its login."""

    def __init__(
        self, *, idle: float, longest: float, clock: Callable[[], float] = time.monotonic, most: int = _MOST
    ) -> None:
        self._idle, self._longest, self._clock, self._most = idle, longest, clock, most
        self._lock = threading.Lock()
        self._by_hash: dict[str, Session] = {}  # the one that was used least recently is first

    def open(self, user: User) -> tuple[str, Session]:
        """Begin a session. Return its token, which nothing else knows, and the session."""
        token, now = secrets.token_urlsafe(32), self._clock()
        session = Session(user, now, now)
        with self._lock:
            self._by_hash[_hash(token)] = session
            while len(self._by_hash) > self._most:
                del self._by_hash[next(iter(self._by_hash))]
        return token, session

    def find(self, token: str, *, use: bool = True) -> Session | None:
        """Return the session of a token, None if there is none or it has ended. `use` counts as a use of it."""
        key, now = _hash(token), self._clock()
        with self._lock:
            session = self._by_hash.get(key)
            if session is None:
                return None
            if now - session.seen > self._idle or now - session.began > self._longest:
                del self._by_hash[key]
                return None
            if use:
                session.seen = now
                self._by_hash[key] = self._by_hash.pop(key)
            return session

    def end(self, token: str) -> None:
        """End the session of a token. A copy of its cookie is worth nothing afterwards."""
        with self._lock:
            self._by_hash.pop(_hash(token), None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
