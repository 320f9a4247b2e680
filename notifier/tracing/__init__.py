"""Traces of OpenTelemetry: the trace of an item goes on through record, publish, build, send and the events of it.

`tracing_of` (starting.py) returns None where nothing is to be exported; then the objects of a process are not
wrapped, and no module of OpenTelemetry is imported. Only spans.py knows it. See docs/tracing.md.
"""
