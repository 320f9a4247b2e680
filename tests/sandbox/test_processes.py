"""Children start, say why if they do not, and end with their parent, however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from notifier.errors import NotifierError, Unreachable
from sandbox.embedded.allocation import free_port, is_listening, temporary_folder
from sandbox.embedded.processes import Child
from tests.sandbox.liveness import alive, family
from tests.waiting import wait_until


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "child.log"


def shell(script: str, log: Path, **options) -> Child:
    return Child("the child", ["sh", "-c", script], log=log, **options)


def test_a_child_is_waited_for_and_stopped_at_the_end_of_the_block(log: Path):
    with shell("echo up; exec sleep 1000", log) as child:
        assert child.wait_until(log.read_text) == "up\n"
        assert child.exit_code is None
        assert os.getpgid(child.pid) == os.getsid(child.pid) == child.pid
    assert child.exit_code == -signal.SIGTERM
    assert not alive([child.pid])
    child.stop()


def test_a_child_is_stopped_when_the_block_fails(log: Path):
    with pytest.raises(ZeroDivisionError), shell("exec sleep 1000", log) as child:
        raise ZeroDivisionError
    assert not alive([child.pid])


def test_a_child_that_ends_at_once_shows_its_log(log: Path):
    with shell("echo no room on the disk; exit 3", log) as child, pytest.raises(Unreachable) as failure:
        child.wait_until(lambda: False)
    assert str(failure.value) == (f"the child ended with 3 while it started; the end of {log}:\nno room on the disk")


def test_a_child_that_is_not_ready_in_time_shows_its_log(log: Path):
    with shell("echo still reading; exec sleep 1000", log) as child:
        child.wait_until(log.read_text)
        with pytest.raises(Unreachable, match=r"not ready within 0\.1 seconds; .*\nstill reading"):
            child.wait_until(lambda: False, seconds=0.1)
    assert not alive([child.pid])


def test_a_child_that_cannot_be_started_is_named(log: Path):
    with pytest.raises(Unreachable, match=r"the child cannot be started: .*no-such-program"):
        Child("the child", ["/no-such-program"], log=log)


def test_a_child_that_is_waited_for_until_it_ends(log: Path):
    with shell("exit 0", log) as child:
        child.finish(seconds=10)
    with (
        shell("echo bad row; exit 4", log) as child,
        pytest.raises(NotifierError, match=r"ended with 4; .*\nbad row"),
    ):
        child.finish(seconds=10)
    with (
        shell("exec sleep 1000", log) as child,
        pytest.raises(NotifierError, match=r"still runs after 0\.05 seconds"),
    ):
        child.finish(seconds=0.05)


def test_a_child_that_ignores_its_signal_is_killed_with_its_children(log: Path):
    with shell("trap '' TERM; sleep 1000 & echo up; while true; do wait; done", log, grace=0.1) as child:
        child.wait_until(log.read_text)
        processes = family(child.pid)
        assert len(processes) == 2
    assert child.exit_code == -signal.SIGKILL
    wait_until(lambda: not alive(processes))


def test_processes_that_a_child_left_behind_are_killed(log: Path):
    with shell("sleep 1000 & echo $!", log) as child:
        child.finish(seconds=10)
        wait_until(lambda: not alive([int(log.read_text())]))


def test_stopping_one_child_does_not_stop_others(log: Path):
    with shell("exec sleep 1000", log) as other:
        with shell("exec sleep 1000", log):
            pass
        assert other.exit_code is None


def test_a_temporary_folder_is_removed_after_the_block():
    with pytest.raises(ZeroDivisionError), temporary_folder() as folder:
        (folder / "inside").write_text(str(1 / 0))
    assert not folder.exists()


def test_a_free_port_is_outside_the_range_of_outgoing_connections():
    port = free_port()
    assert not is_listening(port)
    with socket.create_server(("127.0.0.1", port)):
        assert is_listening(port)
    lent = Path("/proc/sys/net/ipv4/ip_local_port_range")
    assert not lent.exists() or port < int(lent.read_text().split()[0])


def test_children_and_folders_of_a_block_that_is_never_left_end_with_the_process(tmp_path: Path):
    program = """
from pathlib import Path
from sandbox.embedded.processes import Child
from sandbox.embedded.allocation import temporary_folder
block = temporary_folder()
folder = block.__enter__()
child = Child("the child", ["sleep", "1000"], log=folder / "log")
print(child.pid, folder)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    pid, folder = ended.stdout.split()
    assert not alive([int(pid)])
    assert not Path(folder).exists()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (None, 0),
        (signal.SIGINT, -signal.SIGINT),
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_nothing_is_left_when_a_parent_ends(tmp_path: Path, number: signal.Signals | None, code: int):
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "tests.sandbox.parent", report]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        wait_until(lambda: report.exists() or parent.poll() is not None, seconds=30)
        servers = json.loads(report.read_text())
        processes = family(parent.pid)
        assert set(servers) < set(processes)
        folders = {psutil.Process(pid).cwd() for pid in servers} - {str(Path.cwd())}
        assert len(folders) == 3
        if number:
            parent.send_signal(number)
        else:
            parent.stdin.close()
        assert parent.wait(30) == code
    wait_until(lambda: not alive(processes))
    wait_until(lambda: not [folder for folder in folders if Path(folder).exists()])
