"""The log of a process. Each test starts one, because logging is configured once for a process."""

import json
import subprocess
import sys

import pytest

from notifier.telemetry import trace

SETTINGS = {"NOTIFIER_DATABASE_URL": "postgresql://unused", "NOTIFIER_BROKER_URL": "redis://unused"}

PROGRAM = """
import logging, warnings
import structlog
from notifier.settings import load_settings
from notifier.telemetry import configure_logging

configure_logging(load_settings(), process="test")

def fail(recipient):
    raise LookupError("no such user")

for logger in (structlog.get_logger(), logging.getLogger("celery")):
    try:
        fail("ana" + "@example.com")
    except LookupError:
        logger.exception("failed")
warnings.warn("you run as root", stacklevel=1)
"""


def log_of(program: str, log_format: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=SETTINGS | {"NOTIFIER_LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_shows_no_locals(log_format: str) -> None:
    log = log_of(PROGRAM, log_format)
    assert log.count("LookupError") >= 2
    assert "ana@example.com" not in log


def test_every_line_is_one_json_object_also_a_warning() -> None:
    entries = [json.loads(line) for line in log_of(PROGRAM, "json").splitlines()]
    assert [each["level"] for each in entries] == ["error", "error", "warning"]
    assert "you run as root" in entries[-1]["event"]


def test_a_trace_contains_no_message() -> None:
    with pytest.raises(LookupError) as caught:
        raise LookupError("ana" + "@example.com")
    assert "test_telemetry.py" in trace(caught.value)
    assert "ana@example.com" not in trace(caught.value)


NASTY = """
import logging
import structlog
from notifier.settings import load_settings
from notifier.telemetry import configure_logging

configure_logging(load_settings(), process="test")
for logger in (structlog.get_logger(), logging.getLogger("celery")):
    logger.warning("told\\x1b[31m\\u202e")
    try:
        raise LookupError("raised\\x1b]0;owned\\x07\\x9b")
    except LookupError:
        logger.exception("failed")
structlog.get_logger().warning("refused", reason="said\\x1b[2J")
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_control_characters_in_a_log_are_escaped(log_format: str) -> None:
    written = log_of(NASTY, log_format)
    assert all(each.isprintable() or each in "\n\t" for each in written)
    assert all(f"{word}\\" in written for word in ("told", "raised", "said"))
