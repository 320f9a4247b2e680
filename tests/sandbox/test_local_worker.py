"""The worker of `notifier up`: channels reach only this machine."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.embedded.ses import SesServer, ses_simulator
from sandbox.local_worker import _is_local
from tests.sandbox.remote_access import WAYS

DEAD_PORT = 9


@pytest.fixture
def ses(tmp_path: Path) -> Iterator[SesServer]:
    with ses_simulator(tmp_path) as server:
        yield server


def test_no_way_reaches_another_machine(ses: SesServer) -> None:
    port = ses.url.rpartition(":")[2]
    ways = [f"{how}:{way}" for how in ("pool", "thread") for way in WAYS]
    recipients = [*ways, "refuse:", f"port:{port}", f"port:{DEAD_PORT}"]
    words = [sys.executable, "-m", "tests.sandbox.remote_access", ses.url, *recipients]
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    told = ran.stdout.splitlines()
    assert told[0] == "rate refused"
    assert told[1 : len(ways) + 1] == [f"{way} Accepted(message_id=None)" for way in ways]
    refused, local, dead, others = told[len(ways) + 1 :]
    assert "Rejected" in refused  # the outcome of the channel is kept
    assert local == f"port:{port} Accepted(message_id='local')"
    assert "NotSent" in dead
    assert others == "others free"
    shown = ses.get("/_sim/inbox?limit=200")["mails"]
    assert {(each["to"][0], each["fate"], each["channel"]) for each in shown} == {
        *((way, "kept here", "leaving") for way in ways),
        (f"port:{port}", "delivered", "leaving"),
    }
    assert {each["preview"] for each in shown} == {f"text of {each['to'][0]}" for each in shown}


@pytest.mark.parametrize(
    ("address", "local"),
    [
        (("127.0.0.1", 80), True),
        (("127.9.9.9", 80), True),
        (("localhost", 80), True),
        (("a.localhost", 80), True),
        (("::1", 80, 0, 0), True),
        (("::ffff:127.0.0.1", 80, 0, 0), True),
        (("0.0.0.0", 80), True),
        (("", 80), True),
        ("/run/x.sock", True),
        (b"\0abstract", True),
        (None, True),
        ("127.0.0.1", True),
        (b"localhost", True),
        (("10.0.0.1", 80), False),
        (("192.168.1.1", 80), False),
        (("169.254.169.254", 80), False),
        (("::ffff:8.8.8.8", 80, 0, 0), False),
        (("fe80::1%lo", 80, 0, 1), False),
        ("example.com", False),
        (b"example.com", False),
        ("127.0.0.1.example.com", False),
        ("2130706433", False),
    ],
)
def test_which_addresses_are_on_this_machine(address: object, local: bool) -> None:
    assert _is_local(address) is local
