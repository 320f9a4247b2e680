"""The set-up that is checked: its settings, and what several checks need of it, made once."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from notifier.doctor.finding import CheckEnded, not_known
from notifier.settings import Settings

_EARLIER = 0.5
"""So many seconds before a check must end it stops waiting for what hangs, so that it can still say so."""
T = TypeVar("T")
Make = Callable[["Setup"], T]


@dataclass(slots=True)
class _Made:
    """What a function made, or the error that it raised, once `done` is set."""

    done: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: Exception | None = None


class Setup:
    """What checks look at. Safe to share between their threads.

    `seconds` is how long each check may take.
    """

    def __init__(self, settings: Settings, seconds: float = 15.0) -> None:
        self.settings = settings
        self._until = time.monotonic() + seconds - _EARLIER
        self._made: dict[Make[Any], _Made] = {}
        self._lock = threading.Lock()
        self._closing: list[Callable[[], None]] = []

    def get(self, make: Make[T]) -> T:
        """Return what `make(setup)` returns, or raise what it raises. It is called once, for all checks, in a thread
        of its own.
        """
        made = self._begun(make)
        made.done.wait()
        if made.error is not None:
            raise made.error
        found: T = made.value
        return found

    def need(self, make: Make[T], what: str) -> T:
        """Return what `make(setup)` returns: `what` it is, in words.

        Raise CheckEnded if it raises or hangs: the check whose business it is says so.
        """
        made = self._begun(make)
        if not made.done.wait(max(0.0, self._until - time.monotonic())) or made.error is not None:
            raise CheckEnded(not_known(f"the rest was not checked: it needs {what}"))
        found: T = made.value
        return found

    def at_end(self, close: Callable[[], None]) -> None:
        """Call this when all checks have ended."""
        self._closing.append(close)

    def close(self) -> None:
        for close in self._closing:
            close()

    def _begun(self, make: Make[Any]) -> _Made:
        with self._lock:
            made = self._made.get(make)
            if made is None:
                made = _Made()
                threading.Thread(target=self._run, args=(make, made), daemon=True).start()
                self._made[make] = made  # not before: what no thread makes is not to be waited for
        return made

    def _run(self, make: Make[Any], made: _Made) -> None:
        try:
            made.value = make(self)
        except Exception as error:  # noqa: BLE001  raised again in the checks that need it
            made.error = error
        finally:
            made.done.set()
