"""A check that asks a server in a thread of its own, so that reading its result never waits for the server."""

import threading
import time
from collections.abc import Callable

from notifier.errors import NotifierError

ASK_SECONDS = 2.0
LATE_SECONDS = 5.0
"""A question without an answer for longer is trouble."""


class Asked:
    """Calls `ask` every two seconds. Safe to share between threads.

    `ask` returns in one line what is wrong, an empty text if nothing is; what it raises is trouble, too.

        database = Asked("database", ask)
        database.start()
        database.trouble()  # "" or one line
    """

    def __init__(
        self,
        name: str,
        ask: Callable[[], str],
        seconds: float = ASK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """`close` is called once after the last question."""
        self.name = name
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._close = close
        self._asked_at: float | None = None  # None while no question waits for its answer
        self._trouble = "not asked yet"
        self._ended = threading.Event()

    def start(self) -> None:
        self._asked_at = self._clock()
        threading.Thread(target=self._run, name=f"check {self.name}", daemon=True).start()

    def stop(self) -> None:
        """Ask no more. A question that still waits for its answer is left behind."""
        self._ended.set()

    def trouble(self) -> str:
        """Return what the last answer said; once it is overdue, for how long."""
        asked_at = self._asked_at
        waited = 0.0 if asked_at is None else self._clock() - asked_at
        return f"no answer for {waited:.0f} s" if waited > LATE_SECONDS else self._trouble

    def ask_once(self) -> None:
        self._asked_at = self._clock()
        try:
            self._trouble = self._ask()
        except NotifierError as error:
            self._trouble = " ".join(str(error).split())[:300] or type(error).__name__
        except Exception as error:  # noqa: BLE001  its text may hold an address or a password
            self._trouble = f"cannot be asked: {type(error).__name__}"
        self._asked_at = None

    def _run(self) -> None:
        while not self._ended.is_set():
            self.ask_once()
            self._ended.wait(self._seconds)
        self._close()
