"""A process that may start no more threads: the limit of its container, of its system or of its memory is reached."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class NoThreads:
    """While it is in force, no thread of `kind` can be started. `refused` counts the attempts."""

    def __init__(self, kind: type[threading.Thread] = threading.Thread) -> None:
        self._kind = kind
        self.refused = 0

    @contextmanager
    def in_force(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(self._kind, "start", lambda _: self._refuse())
            yield

    def _refuse(self) -> None:
        self.refused += 1
        raise RuntimeError("can't start new thread")
