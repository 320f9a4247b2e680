"""The process and its options."""

import signal
import subprocess
import sys
from contextlib import closing

import pytest
from botocore.exceptions import ReadTimeoutError

from sandbox.embedded.streams import streams_simulator
from tests.simulators.streams.client import Reader, client


def test_it_starts_with_tables_and_settings_and_stops_cleanly(tmp_path):
    options = ("--table", "activity", "--table", "orders", "--shards", "3", "--settings", '{"padded": true}')
    with streams_simulator(tmp_path, *options) as server:
        assert server.get("counts")["shards"] == 6
        assert server.get("settings")["padded"] is True
        with closing(client(server.url)) as aws:
            Reader(aws).get()
        server.child.stop(signal.SIGTERM)
        assert server.child.exit_code == 0
    assert (tmp_path / "streams.log").read_text() == server.url + "\n"


def test_it_stops_while_a_call_hangs(tmp_path):
    with streams_simulator(tmp_path, "--table", "activity") as server:
        with closing(client(server.url)) as aws:
            iterator = Reader(aws).iterator
        server.add_faults({"kind": "hang"})
        with closing(client(server.url, read_timeout=0.2)) as aws, pytest.raises(ReadTimeoutError):
            aws.get_records(ShardIterator=iterator)
        server.child.stop()
        assert server.child.exit_code == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ["--settings", '{"unknown": 1}'],
        ["--settings", "{"],
        ["--port", "many"],
    ],
)
def test_wrong_options_are_explained(wrong):
    ended = subprocess.run(
        [sys.executable, "-m", "simulators.streams", *wrong], capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 2
    assert wrong[0] in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("wrong", [["--table", "no name!"], ["--host", "203.0.113.1"]])
def test_what_cannot_be_done_is_explained(wrong):
    ended = subprocess.run(
        [sys.executable, "-m", "simulators.streams", *wrong], capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Traceback" not in ended.stderr
