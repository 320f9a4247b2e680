"""A signal stops a process at whatever instruction it arrives."""

import signal
import subprocess
import sys

import pytest

SECONDS = 20.0
"""For a process that does next to nothing: beyond it, it waits for ever."""

HOLDS_THE_LOCK = """
import signal, threading
from notifier.process.stop_signals import stop_on_signals
stopping = threading.Event()
stop_on_signals(stopping.set)
with stopping._cond:  # as Event.set and Event.wait do
    signal.raise_signal({number})
stopping.wait()
print("stopped")
"""
TWICE_AT_ONCE = """
import os, signal, threading
from notifier.process.stop_signals import stop_on_signals
stopping, calls, lock = threading.Event(), [], threading.Lock()

def stop():
    with lock:
        calls.append(1)
        for _ in range(3):
            os.kill(os.getpid(), {number})
    stopping.set()

stop_on_signals(stop)
os.kill(os.getpid(), {number})
stopping.wait()
print("stopped", len(calls))
"""


def ended(program: str, number: signal.Signals) -> str:
    command = [sys.executable, "-c", program.format(number=int(number))]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=SECONDS).stdout.strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_process_whose_main_thread_has_the_lock(number: signal.Signals) -> None:
    assert ended(HOLDS_THE_LOCK, number) == "stopped"


def test_signals_while_it_stops_change_nothing() -> None:
    assert ended(TWICE_AT_ONCE, signal.SIGTERM) == "stopped 1"
