"""Begins the tracing of a process, if it is wanted and there is somewhere to export to."""

import os
from collections.abc import Mapping

import structlog

from notifier.settings import Settings
from notifier.tracing.tracing import Tracing

log = structlog.get_logger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def tracing_of(settings: Settings, process: str) -> Tracing | None:
    """Return the tracing of a process, as `worker`. None, and OpenTelemetry is not imported, if it is not wanted.

    A set-up that is wrong is logged, and nothing is traced: no notification depends on it.
    """
    if not settings.trace_attribute or not is_configured(os.environ):
        return None
    try:
        from notifier.tracing.spans import OtlpSpans
    except ImportError:
        log.warning(
            "nothing is traced: OpenTelemetry is not installed; install the extra otel, or unset "
            "NOTIFIER_TRACE_ATTRIBUTE",
            see="docs/tracing.md",
        )
        return None
    try:
        return Tracing(settings.trace_attribute, OtlpSpans(process))
    except Exception as error:  # noqa: BLE001  the SDK raises what it likes for a wrong OTEL_ variable
        log.warning(
            "nothing is traced: a variable OTEL_... is wrong", error=type(error).__name__, see="docs/tracing.md"
        )
        return None


def is_configured(environment: Mapping[str, str]) -> bool:
    """Return whether the standard variables name a collector, and switch nothing off."""
    return (
        any(environment.get(each, "").strip() for each in _ENDPOINTS)
        and environment.get("OTEL_SDK_DISABLED", "").strip().lower() != "true"
        and environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() in ("", "otlp")
    )
