"""The first process of a container without an init: SIGTERM ends it from its first line on."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until

START = "-c"
STANDS_STILL = """
import sys, pathlib, time
sys.argv = ["notifier", *sys.argv[2:]]
import notifier.process.first_process
ended = notifier.process.first_process.end_at_sigterm
def then_wait():
    ended()
    pathlib.Path({ready!r}).touch()
    time.sleep(60)
notifier.process.first_process.end_at_sigterm = then_wait
{start}
"""
COMMAND = "from notifier.__main__ import main; main()"
FLOWER = "import workers.app"


def is_possible() -> bool:
    """Return whether a PID namespace can be made: that takes rights, or a kernel that allows it to all."""
    unshare = shutil.which("unshare")
    return bool(unshare) and not subprocess.run([unshare, *NEW, "true"], capture_output=True, check=False).returncode


NEW = ["--pid", "--fork", "--kill-child"] + ([] if os.getuid() == 0 else ["--user", "--map-root-user"])
alone = pytest.mark.skipif(not is_possible(), reason="no PID namespace can be made here")


@alone
@pytest.mark.parametrize("start", [COMMAND, FLOWER], ids=["command", "flower"])
def test_sigterm_ends_it_while_it_starts(tmp_path: Path, start: str) -> None:
    ready = tmp_path / "ready"
    code = STANDS_STILL.format(ready=str(ready), start=start)
    settings = {"NOTIFIER_DATABASE_URL": "postgresql://h/d", "NOTIFIER_BROKER_URL": "redis://h"}
    outer = subprocess.Popen(["unshare", *NEW, sys.executable, START, code, "bridge"], env={**os.environ, **settings})
    try:
        wait_until(ready.exists, seconds=60)
        os.kill(child_of(outer.pid), signal.SIGTERM)
        assert outer.wait(30) == 128 + signal.SIGTERM
    finally:
        outer.kill()
        outer.wait()


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


@alone
def test_without_it_the_kernel_ignores_the_signal() -> None:
    """Otherwise the test above would prove nothing."""
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM); print('goes on')"
    done = subprocess.run(
        ["unshare", *NEW, sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "goes on\n"


def test_other_processes_keep_the_default_handler() -> None:
    code = (
        "from notifier.process.first_process import *; end_at_sigterm(); print(signal.getsignal(signal.SIGTERM).name)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "SIG_DFL\n"


def test_the_command_imports_nothing_heavy_before_it_can_be_ended() -> None:
    code = (
        "import sys, notifier.__main__; "
        "print([each for each in ('typer', 'pydantic', 'sqlalchemy', 'jinja2', 'celery') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_all_public_names_can_be_imported() -> None:
    import notifier

    assert [getattr(notifier, name).__name__ for name in notifier.__all__] == list(notifier.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Mail'"):
        notifier.Mail  # noqa: B018
