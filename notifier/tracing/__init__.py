"""Traces of OpenTelemetry. They continue the trace that an item names: record, publish, build, send, event.

`tracing_of` (starting.py) returns None where nothing is to be exported; then the objects of a process are not
wrapped, and no module of OpenTelemetry is imported. Only spans.py knows it. See docs/tracing.md.
"""
