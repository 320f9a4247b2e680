"""Which process its timer ends. The processes are real, because the signal would end the test."""

import subprocess
import sys

import pytest

# Threads that hash hold no lock meanwhile; the regular expression holds Python's for years.
_PROGRAM = """
import hashlib, os, re, threading, time
from workers.process.gil_watchdog import GilWatchdog

GilWatchdog({seconds}).start()

def burn():
    until = time.monotonic() + 2
    while time.monotonic() < until:
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 200_000)

if {kind!r} == "native":
    threads = [threading.Thread(target=burn) for _ in range(2 * (os.cpu_count() or 1))]
    for each in threads: each.start()
    for each in threads: each.join()
else:
    re.match("(a+)+$", "a" * 60 + "b")
"""


@pytest.mark.parametrize(("kind", "code"), [("native", 0), ("regex", -26)])
def test_native_threads_are_not_ended_and_a_call_that_holds_the_lock_is(kind: str, code: int) -> None:
    program = _PROGRAM.format(seconds=0.2, kind=kind)
    ended = subprocess.run([sys.executable, "-c", program], timeout=60, check=False, capture_output=True)
    assert ended.returncode == code, ended.stderr.decode()
