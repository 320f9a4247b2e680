"""Each example runs with one command, and ends with exit code 0."""

import os
import subprocess
import sys
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("name", "messages"),
    [("campaign", 9), ("shop", 4), ("social", 5)],
)
def test_an_example_runs(name: str, messages: int, postgres_server: Any, redis_server: Any) -> None:
    given = {"NOTIFIER_TEST_DATABASE_URL": postgres_server.url(), "NOTIFIER_TEST_BROKER_URL": redis_server.url}
    done = subprocess.run(
        [sys.executable, "-m", f"examples.{name}"],
        env=os.environ | given,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(f"\n{messages} messages, each accepted exactly once; nothing is left to do\n")
