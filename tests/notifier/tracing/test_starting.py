"""When something is traced, and that nothing is paid for where nothing is."""

import subprocess
import sys
from contextlib import closing
from typing import Any, cast
from unittest.mock import create_autospec

import pytest
from sqlalchemy import Engine

from bridge.tracing.recording import broker_of, traced_recording
from notifier.broker import Broker
from notifier.outbox import Attempts
from notifier.settings import Settings
from notifier.tracing.starting import is_configured, tracing_of
from sandbox.given_settings import GivenSettings
from workers.metrics.measured import MeasuredAttempts
from workers.tracing import attempts_of, traced_builds, traced_channel, traced_preparer

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}

PROGRAM = """
import sys

asked = set()

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            frame = sys._getframe()
            while "importlib" in frame.f_code.co_filename or frame.f_code is self.find_spec.__code__:
                frame = frame.f_back
            asked.add(frame.f_globals["__name__"].partition(".")[0])
            if BLOCK:
                raise ModuleNotFoundError(name)
        return None

sys.meta_path.insert(0, Watch())
import bridge.wiring, bridge.feedback.wiring, bridge.tracing.settling, workers.app, workers.wiring
import workers.command
from notifier.settings import load_settings
from notifier.tracing.starting import tracing_of

print(tracing_of(load_settings(), "worker") is not None, sorted(asked - {"redis", "opentelemetry"}))
"""
"""redis-py looks by itself whether OpenTelemetry is installed, and imports its metrics."""


def settings(**given: Any) -> Settings:
    return GivenSettings(database_url="postgresql://unused", broker_url="redis://unused", **given)


def run(block: bool, **environment: str) -> tuple[str, str]:
    given = {"NOTIFIER_DATABASE_URL": "postgresql://unused", "NOTIFIER_BROKER_URL": "redis://unused", **environment}
    program = PROGRAM.replace("BLOCK", str(block))
    done = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True, check=True)
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize(
    "environment",
    [{}, {"NOTIFIER_TRACE_ATTRIBUTE": "trace"}, ENDPOINT, {**ENDPOINT, "OTEL_SDK_DISABLED": "true"}],
    ids=["nothing", "no endpoint", "no attribute", "disabled"],
)
def test_without_tracing_nothing_of_opentelemetry_is_imported(environment: dict[str, str]) -> None:
    if "OTEL_SDK_DISABLED" in environment:
        environment = {**environment, "NOTIFIER_TRACE_ATTRIBUTE": "trace"}
    assert run(False, **environment) == ("False []", "")


def test_with_both_it_is_traced() -> None:
    printed, _ = run(False, **ENDPOINT, NOTIFIER_TRACE_ATTRIBUTE="trace")
    assert printed.startswith("True ['notifier'")


def test_without_the_extra_a_warning_says_what_to_do() -> None:
    printed, log = run(True, **ENDPOINT, NOTIFIER_TRACE_ATTRIBUTE="trace")
    assert printed.endswith("False ['notifier']")
    assert "install the extra otel" in log + printed


def test_a_wrong_variable_of_opentelemetry_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5000")  # more than its queue
    assert tracing_of(settings(trace_attribute="trace"), "worker") is None


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/x"}, True),
    ],
)
def test_the_standard_variables_decide(more: dict[str, str], wanted: bool) -> None:
    assert is_configured({**ENDPOINT, **more}) is wanted


def test_without_tracing_the_objects_of_a_process_are_the_plain_ones() -> None:
    plain = cast("Any", object())
    for traced in (traced_recording, traced_builds, traced_preparer):
        assert traced(plain, None) is plain
    assert traced_channel("email", plain, None) is plain
    with closing(broker_of("redis://127.0.0.1:1/0", "bridge", None)) as broker:
        assert type(broker) is Broker
    for port, kind in ((0, Attempts), (9108, MeasuredAttempts)):
        attempts = attempts_of(
            settings(metrics_port=port), create_autospec(Engine), None, channel="email", worker="w"
        )
        assert type(attempts) is kind
