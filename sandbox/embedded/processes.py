"""Child processes that end with this process, even if it is killed.

Each child has its own session, so that Ctrl-C in a terminal reaches only this process, which stops the children in
order. Children that it could not stop are ended by `sandbox.embedded.cleanup`.
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
    """A running process in its own process group, with its output in the file `log`. Leaving the block stops it.

    `account` is the user as whom it runs; only root can choose one. `pass_fds` stay open in it. `log_start`: bytes in
    the log that were written before. `stop` sends `stop_signal`, and SIGKILL if the process still runs after `grace`
    seconds. Raises Unreachable if it cannot be started.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
        account: pwd.struct_passwd | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace: float = 10.0,
    ) -> None:
        self.name = name
        self.log = log
        self.log_start = log.stat().st_size if log.exists() else 0
        self._stop_signal = stop_signal
        self._grace = grace
        self._registered = True

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
                    pass_fds=pass_fds,
                    user=account.pw_uid if account else None,
                    group=account.pw_gid if account else None,
                    extra_groups=[] if account else None,
                )
            CLEANUP.register("group", process.pid, int(stop_signal))
            return process

        try:
            # In a thread, where no KeyboardInterrupt can come between the start and the registration.
            with ThreadPoolExecutor(1) as thread:
                self._process = thread.submit(start).result()
        except (OSError, subprocess.SubprocessError) as error:
            raise Unreachable(f"{name} cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        """Its process id, which is also that of its group."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative if a signal ended it."""
        return self._wait(0)

    def wait_until(self, ready: Callable[[], T], seconds: float = 30.0) -> T:
        """Call `ready` until it returns a true value, and return that. Raise Unreachable if the child ends first,
        or after `seconds`.
        """
        deadline = time.monotonic() + seconds
        while not (value := ready()):
            if self.exit_code is not None:
                raise Unreachable(f"{self.name} ended with {self.exit_code} while it started; {self._end_of_log()}")
            if time.monotonic() > deadline:
                raise Unreachable(f"{self.name} was not ready within {seconds:g} seconds; {self._end_of_log()}")
            time.sleep(0.005)
        return value

    def check(self) -> None:
        """Raise NotifierError, with the end of its log, if it has ended."""
        if self.exit_code is not None:
            raise NotifierError(f"{self.name} ended with {self.exit_code}; {self._end_of_log()}")

    def finish(self, seconds: float) -> None:
        """Wait until it ends. Raise NotifierError if its exit code is not 0, or after `seconds`."""
        code = self._wait(seconds)
        if code is None:
            raise NotifierError(f"{self.name} still runs after {seconds:g} seconds; {self._end_of_log()}")
        if code != 0:
            raise NotifierError(f"{self.name} ended with {code}; {self._end_of_log()}")

    def stop(self, number: signal.Signals | None = None) -> None:
        """End the whole group: by `number` or its `stop_signal`, and by SIGKILL after its grace. May be repeated."""
        self.ask_to_stop(number)
        if self._wait(self._grace) is None:
            signal_group(self.pid, signal.SIGKILL)
            self._wait(self._grace)

    def ask_to_stop(self, number: signal.Signals | None = None) -> None:
        """Send the signal of `stop`, and do not wait."""
        if self._wait(0) is None:
            signal_group(self.pid, number or self._stop_signal)

    def _wait(self, seconds: float) -> int | None:
        """Return the exit code; None if it still runs. Once it has ended, the rest of its group is killed."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        if self._registered:  # at once: later another group may have this id
            self._registered = False
            signal_group(self.pid, signal.SIGKILL)
            CLEANUP.unregister("group", self.pid, int(self._stop_signal))
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _end_of_log(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        return "\n".join([f"the end of {self.log}:", *lines]) if lines else f"nothing is in {self.log}"


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise SystemExit, so that children stop in order. Main thread only."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, leave) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
