"""Child processes that end with this one, however it ends.

Each child has a session of its own, so Ctrl-C in a terminal reaches only us and the children stop in the order that
we choose. What we can no longer stop ourselves `sandbox/embedded/cleanup.py` does, at exit or after our death.
"""

import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, Self, TypeVar

from notifier.errors import NotifierError, Unreachable
from sandbox.embedded.cleanup import CLEANUP, signal_group

T = TypeVar("T")


class Child:
    """A running process with a group of its own and its output in a file. Leaving the block stops it.

    `account` is the user that it runs as; only root can choose one. `stop_signal` is its polite end, and `grace` how
    many seconds that may take before SIGKILL.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        account: pwd.struct_passwd | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10.0,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        self._grace = grace
        self._held = True

        def start() -> subprocess.Popen[bytes]:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    [str(word) for word in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=env,
                    cwd=cwd,
                    start_new_session=True,
                    user=account.pw_uid if account else None,
                    group=account.pw_gid if account else None,
                    extra_groups=[] if account else None,
                )
            CLEANUP.hold("group", process.pid, int(stop_signal))
            return process

        try:
            # In a thread, where no KeyboardInterrupt can come between the birth and the entry with the guard.
            with ThreadPoolExecutor(1) as thread:
                self._process = thread.submit(start).result()
        except (OSError, subprocess.SubprocessError) as error:
            raise Unreachable(f"{name} cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        """Its process id, which is also the id of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._wait(0)

    def wait_until(self, ready: Callable[[], T], seconds: float = 30.0) -> T:
        """The first true value of `ready`. Raises Unreachable where the child ends first or takes too long."""
        deadline = time.monotonic() + seconds
        while not (value := ready()):
            if self.exit_code is not None:
                raise Unreachable(f"{self.name} ended with {self.exit_code} while it started; {self._last_words()}")
            if time.monotonic() > deadline:
                raise Unreachable(f"{self.name} was not ready within {seconds:g} seconds; {self._last_words()}")
            time.sleep(0.005)
        return value

    def check(self) -> None:
        """Raises NotifierError, with the end of its log, where it has ended."""
        if self.exit_code is not None:
            raise NotifierError(f"{self.name} ended with {self.exit_code}; {self._last_words()}")

    def finish(self, seconds: float) -> None:
        """Wait until it has done its work. Raises NotifierError where it fails or takes too long."""
        code = self._wait(seconds)
        if code is None:
            raise NotifierError(f"{self.name} still runs after {seconds:g} seconds; {self._last_words()}")
        if code != 0:
            raise NotifierError(f"{self.name} ended with {code}; {self._last_words()}")

    def stop(self, number: signal.Signals | None = None) -> None:
        """End the whole group: with this signal or its own one, after the grace with SIGKILL. Twice is as once."""
        if self._wait(0) is None:
            signal_group(self.pid, number or self._stop_signal)
        if self._wait(self._grace) is None:
            signal_group(self.pid, signal.SIGKILL)
            self._wait(self._grace)

    def _wait(self, seconds: float) -> int | None:
        """The exit code, None where it still runs. The group ends with its leader."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        if self._held:  # at once: later the number may be another's
            self._held = False
            signal_group(self.pid, signal.SIGKILL)
            CLEANUP.let_go("group", self.pid, int(self._stop_signal))
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        return "\n".join([f"the end of {self.log}:", *lines]) if lines else f"nothing is in {self.log}"


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that the children stop in order. Main thread only."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
