"""The memory of processes, and how it grows."""

import os
import subprocess
import sys
from functools import partial

import pytest

from bench.measure import memory as measured
from bench.measure.memory import MemoryUse, memory_use
from bench.measure.notifier import notifier
from bench.measure.processes import memory
from bench.measure.servers import Servers

MB = 2**20


def test_memory_of_a_process_is_that_of_its_children_too() -> None:
    before = memory(os.getpid())
    code = "held = b'x' * 50_000_000; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        assert memory(child.pid) > 50_000_000
        assert memory(os.getpid()) > before + 50_000_000
        child.communicate(b"\n")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what processes share")
def test_what_processes_share_is_counted_once() -> None:
    code = "import os, signal; held = b'x' * 50_000_000; child = os.fork() or signal.pause()"
    code += "; print(flush=True); input(); os.kill(child, signal.SIGKILL)"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        parent.stdout.readline()
        assert 50_000_000 < memory(parent.pid) < 90_000_000
        parent.communicate(b"\n")


def test_the_figures_are_of_before_and_after_all_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "PORTION", 1_000)
    found = MemoryUse(2_000, {"bridge-0": 10 * MB}, [{"bridge-0": 14 * MB}, {"bridge-0": 12 * MB}])
    assert found.summary() == {
        "events": 2_000,
        "memory_mb": {
            "bridge-0": {"before": 10.0, "after_each_portion": [14.0, 12.0], "after": 12.0, "at_most": 14.0}
        },
    }
    assert found.rows() == [
        {
            "MB": "bridge-0",
            "before": 10.0,
            "after 1,000": 14.0,
            "after 2,000 events": 12.0,
            "at most": 14.0,
            "bytes an event since": -2 * MB / 1_000,
        }
    ]


def test_each_process_of_a_run_is_measured(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "PORTION", 50)
    found = memory_use(servers, partial(notifier, workers=1), 100)
    assert found.events == 100
    assert len(found.samples) == 2
    assert found.before.keys() == found.after.keys() == {"bridge-0", "worker-0", *servers.pids}
    assert all(size > MB for size in found.after.values())
