"""Asks servers in threads of their own, so that who reads an answer never waits for a server.

Each question has a connection of its own: others may be in use.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from notifier.broker import Broker
from notifier.database.engine import connect
from notifier.database.errors import DatabaseError, cause
from notifier.database.server import server_of
from notifier.errors import NotifierError
from notifier.health.conditions import Condition

ASK_SECONDS = 2.0
LATE_SECONDS = 5.0
"""A question without an answer for longer is trouble."""
_PATIENCE_SECONDS = 5


class Question:
    """Calls `ask` every two seconds. Safe to share between threads.

    `ask` returns in one line what is wrong, an empty text if nothing is; what it raises is trouble, too.

        database = Question("database", ask)
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
        threading.Thread(target=self._run, name=f"ask {self.name}", daemon=True).start()

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


@contextmanager
def asking(questions: Sequence[Question], *, wanted: bool) -> Iterator[list[Condition]]:
    """Ask during the block, and give a condition for each question. If not `wanted`, ask no server and give none."""
    if not wanted:
        yield []
        return
    for each in questions:
        each.start()
    try:
        yield [Condition(each.name, each.trouble) for each in questions]
    finally:
        for each in questions:
            each.stop()


def database_question(url: str, application: str) -> Question:
    """Return the question whether Postgres answers and takes writes. pg_stat_activity shows the `application`."""
    engine = connect(url, pool_size=1, application=application, patience=_PATIENCE_SECONDS)

    def ask() -> str:
        try:
            return "" if server_of(engine).takes_writes else "the server takes no writes: it is a standby"
        except DatabaseError as error:
            return f"the database does not answer: {cause(error)}"

    return Question("database", ask, close=engine.dispose)


def broker_question(url: str, queue: str) -> Question:
    """Return the question whether Redis answers: how many messages wait in the queue."""
    broker = Broker(url)

    def ask() -> str:
        broker.depth(queue)
        return ""

    return Question("broker", ask, close=broker.close)
