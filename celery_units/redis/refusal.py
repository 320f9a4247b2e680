"""Commands that Redis refuses: how long to wait before the next try, and what to log.

A refusal is an error that Redis answers with, unlike a connection that fails: a replica that takes no writes, a full
memory, a disk error, a missing right, a key of another type. Each of them can end without a restart of anything, so
a refused command is tried again.
"""

import logging
import re
from collections.abc import Callable
from time import monotonic

log = logging.getLogger(__name__)

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 5.0
"""The wait before the next try: `FIRST_SECONDS`, doubled with each refusal up to `LONGEST_SECONDS`."""
SILENT_SECONDS = 60.0
"""Between two log lines while the refusals go on."""

_TO_DO = {
    "READONLY": "it is a replica: the broker URL must lead to the primary, also after a failover",
    "OOM": "its memory is full: workers drain it; raise maxmemory if it fills again",
    "MISCONF": "it cannot save to its disk: see its log, and the disk's free space",
    "WRONGTYPE": "another application uses the same keys: give Celery a database of its own",
    "NOPERM": "its user needs every command, and all keys and channels of its database",
    "LOADING": "it reads its data after a start",
    "BUSY": "it runs a long script",
    "MASTERDOWN": "it is a replica that has lost its primary",
    "CLUSTERDOWN": "its cluster has no primary for these keys",
    "UNBLOCKED": "its role has changed",
}
# redis-py removes the code from the text where it has a class for it; a script's error has it within its text.
_CLASSES = {
    "ReadOnlyError": "READONLY",
    "OutOfMemoryError": "OOM",
    "NoPermissionError": "NOPERM",
    "BusyLoadingError": "LOADING",
    "MasterDownError": "MASTERDOWN",
    "ClusterDownError": "CLUSTERDOWN",
}
_CODE = re.compile(rf"\b({'|'.join(_TO_DO)})\b")


def advice(error: Exception) -> str:
    """What an operator can do about the refusal; empty where there is no more to say than the error's own text."""
    found = _CODE.search(str(error))
    code = _CLASSES.get(type(error).__name__) or (found[1] if found else "")
    return _TO_DO.get(code, "")


def explained(error: Exception) -> str:
    """The error's text on one line, followed by the advice where there is one."""
    return ". ".join(filter(None, (" ".join(str(error).split()).rstrip("."), advice(error))))


class Refusals:
    """Counts the refusals of one kind of command. Not safe to share between threads.

    `sentence` begins the log lines, for example "Redis refuses to wait for messages".
    """

    def __init__(
        self, sentence: str, longest: float = LONGEST_SECONDS, clock: Callable[[], float] = monotonic
    ) -> None:
        self._sentence = sentence
        self._longest = longest
        self._clock = clock
        self._next_wait = FIRST_SECONDS
        self._until = self._logged_at = float("-inf")
        self._count = 0
        self._logged = False

    @property
    def waits(self) -> bool:
        """Whether it is too early for the next try."""
        return self._clock() < self._until

    def add(self, error: Exception) -> float:
        """Count one, and log the first and then one a minute. Return the seconds to wait before the next try."""
        now, wait = self._clock(), min(self._next_wait, self._longest)
        self._count += 1
        self._until, self._next_wait = now + wait, min(wait * 2, self._longest)
        if now - self._logged_at >= SILENT_SECONDS:
            self._logged_at, self._logged = now, True
            log.error("%s, trying again: %s", self._sentence, explained(error))
        return wait

    def end(self) -> None:
        """Redis accepted the command: the next wait is the first again."""
        if self._logged:
            log.warning("%s: this has ended, after %d refusals", self._sentence, self._count)
        self._count, self._logged = 0, False
        self._next_wait, self._until = FIRST_SECONDS, float("-inf")
