"""Runs the stack under load while its containers are replaced or restarted."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from notifier.database.engine import connect
from notifier.errors import Unreachable
from tests.docker.rolling.finding import Finding, Step, judge
from tests.docker.rolling.ledger import ledger
from tests.docker.rolling.load import Load, load
from tests.docker.stack import ROOT, Stack, environment, local_stack

SCRIPT = ROOT / "deploy" / "compose" / "rolling-restart.sh"
SCALE = ("bridge=2", "worker-email=2")
_WARM_UP_SECONDS = 10.0
_SERVER_SECONDS = 30.0
"""The load goes on for so long after each restart of a server."""
_SETTLED_WITHIN = 180.0

Note = Callable[[str], None]


class Steps:
    """Notes what was done, and when."""

    def __init__(self, tell: Note) -> None:
        self.taken: list[Step] = []
        self._tell = tell

    def note(self, what: str) -> None:
        self.taken.append(Step(time.time(), what))
        self._tell(what)


def replace_processes(stack: Stack, steps: Steps) -> None:
    """Replace the containers of all our processes by the script that docs/deploy-compose.md names."""
    command = [str(SCRIPT), *stack.options]
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        assert running.stdout is not None
        said = []
        for line in running.stdout:
            said.append(line)
            if line.startswith("rolling-restart: "):
                steps.note(line.removeprefix("rolling-restart: ").strip())
    if running.returncode:
        raise Unreachable(f"{SCRIPT.name} failed: {''.join(said)[-2_000:]}")


def restart_servers(stack: Stack, steps: Steps) -> None:
    """Restart Redis and Postgres."""
    for server in ("redis", "postgres"):
        steps.note(f"{server} is restarted")
        stack.compose("restart", server)
        steps.note(f"{server} was restarted")
        time.sleep(_SERVER_SECONDS)


def run(folder: Path, rate: float, act: Callable[[Stack, Steps], None], tell: Note) -> Finding:
    """Write `rate` events a second, and let `act` do its work meanwhile."""
    tell("building the image and starting the containers")
    with local_stack(f"notifier-rolling-{time.time_ns() % 1_000_000}", folder, SCALE) as stack:
        try:
            return _run(stack, rate, act, Steps(tell))
        finally:
            (folder / "containers.log").write_text(stack.compose("logs", "--no-color", "--timestamps"))


def _run(stack: Stack, rate: float, act: Callable[[Stack, Steps], None], steps: Steps) -> Finding:
    with load(stack.settings(), rate) as running:
        steps.note("the load begins")
        time.sleep(_WARM_UP_SECONDS)
        steps.note("the first step begins")
        act(stack, steps)
        time.sleep(_WARM_UP_SECONDS)
    steps.note("the load has ended")
    _settle(stack, running)
    engine = connect(stack.database_url())
    try:
        return judge(running.written, running.seconds, stack.journal(), ledger(engine), steps.taken)
    finally:
        engine.dispose()


def _settle(stack: Stack, running: Load) -> None:
    """Wait until SES has accepted as many mails as events were written, or no longer accepts any."""
    end = time.monotonic() + _SETTLED_WITHIN
    while stack.get("ses", "/_sim/counts")["accepted"] < len(running.written) and time.monotonic() < end:
        time.sleep(0.5)
