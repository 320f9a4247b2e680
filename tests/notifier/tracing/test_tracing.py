"""Steps become spans, whatever the exporter does."""

import json
import time
import uuid
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
import structlog

from bridge.tracing.settling import TracedParser, trace_tag
from notifier.messages import Message
from notifier.telemetry import _with_trace
from notifier.tracing.origin import Origin
from notifier.tracing.origins import ORIGINS, Origins, Traced
from notifier.tracing.spans import OtlpSpans
from notifier.tracing.tracing import SpanOf, Tracing
from tests.collector import collector
from tests.waiting import wait_until
from workers.tracing import TracedChannel

ORIGIN = Origin(0xABC, 0xDEF, 1)
RECORD = json.dumps({"dynamodb": {"NewImage": {"trace": {"S": ORIGIN.traceparent}}}}).encode()


class Kept:
    def __init__(self) -> None:
        self.steps: list[tuple[str, Sequence[SpanOf]]] = []

    def step(self, name: str, began: int, ended: int, spans: Sequence[SpanOf], batch: Any) -> None:
        assert began <= ended
        self.steps.append((name, spans))

    def close(self) -> None: ...


class Broken(Kept):
    def step(self, *_: Any) -> None:
        raise ValueError("ana@example.com")


def test_a_step_has_a_span_for_each_notification_with_an_origin() -> None:
    kept, known = Kept(), uuid.uuid4()
    tracing = Tracing("trace", kept, Origins())
    tracing.remember([(known, "shipped", RECORD), (uuid.uuid4(), "shipped", b"{}")])

    tracing.step("build", tracing.now(), [(known, {"notifier.result": "built"}), (uuid.uuid4(), {})])
    tracing.step("build", tracing.now(), [(uuid.uuid4(), {})])

    facts = {"notifier.notification": str(known), "notifier.route": "shipped", "notifier.result": "built"}
    assert kept.steps == [("build", [SpanOf(ORIGIN, facts)])]


def test_an_exporter_that_fails_stops_nothing_and_is_logged_once() -> None:
    tracing, id_ = Tracing("trace", Broken(), Origins()), uuid.uuid4()
    tracing.remember([(id_, "shipped", RECORD)])
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            tracing.step("build", 0, [(id_, {})])
    assert [(each["event"], each["error"]) for each in lines] == [
        ("spans cannot be made; notifications go on", "ValueError")
    ]


def test_the_oldest_origins_are_forgotten() -> None:
    origins, ids = Origins(most=3), [uuid.uuid4() for _ in range(5)]
    for id_ in ids:
        origins.add({id_: Traced(ORIGIN, "shipped")})
    assert [id_ for id_ in ids if origins.get(id_)] == ids[2:]
    assert len(origins) == 3


def test_a_line_about_a_traced_notification_has_its_trace_and_its_route() -> None:
    id_ = uuid.uuid4()
    line = {"event": "message given back", "notification": str(id_)}
    assert _with_trace(None, "", dict(line)) == line
    ORIGINS.add({id_: Traced(ORIGIN, "shipped")})
    try:
        assert _with_trace(None, "", dict(line)) == {**line, "route": "shipped", "trace_id": ORIGIN.trace}
        for other in ({"event": "x"}, {"event": "x", "notification": "no id"}, {"event": "x", "notification": 7}):
            assert _with_trace(None, "", dict(other)) == other
    finally:
        ORIGINS.clear()


class Provider:
    one_provider = False
    request_type = dict
    capability = "anything"

    def __init__(self, *outcomes: object) -> None:
        self.outcomes = list(outcomes)
        self.sent: list[Message[Any, Any]] = []

    def address(self, to: str) -> str:
        return to

    def render(self, request: Any, templates: Any) -> Any: ...

    def send(self, messages: Sequence[Message[Any, Any]]) -> Any:
        self.sent += messages
        if not self.outcomes:
            raise ValueError("ana@example.com")
        return self.outcomes


def test_a_message_carries_its_origin_to_the_provider() -> None:
    kept, known, other, provider = Kept(), uuid.uuid4(), uuid.uuid4(), Provider("a", "b")
    tracing = Tracing("trace", kept, Origins())
    tracing.remember([(known, "shipped", RECORD)])
    channel: Any = TracedChannel("email", provider, tracing)
    messages = [Message(known, 2, {}, None), Message(other, 1, {}, None)]

    assert channel.send(messages) == ["a", "b"]

    own = [(("nid", str(known)), ("att", "2")), (("nid", str(other)), ("att", "1"))]
    assert [each.tags for each in provider.sent] == [(*own[0], ("trace", ORIGIN.traceparent)), own[1]]
    assert [each.tags for each in messages] == own
    ((name, (span,)),) = kept.steps
    assert name == "send"
    assert (span.attributes["notifier.attempt"], span.attributes["notifier.outcome"]) == (2, "str")


def test_a_channel_that_raises_has_a_span_and_raises() -> None:
    kept, known = Kept(), uuid.uuid4()
    tracing = Tracing("trace", kept, Origins())
    tracing.remember([(known, "shipped", RECORD)])
    channel = TracedChannel("email", Provider(), tracing)
    with pytest.raises(ValueError, match="ana@"):
        channel.send([Message(known, 1, {}, None)])
    ((_, (span,)),) = kept.steps
    assert span.attributes["notifier.outcome"] == "raised"
    assert "example.com" not in str(kept.steps)


MAIL = {
    "eventType": "Delivery",
    "mail": {"messageId": "m-1", "timestamp": "2026-01-05T08:00:00Z", "tags": {"trace": [ORIGIN.traceparent]}},
    "delivery": {},
}
SMS = {"eventType": "TEXT_DELIVERED", "context": {"trace": ORIGIN.traceparent}}


@pytest.mark.parametrize("event", [MAIL, {"source": "aws.ses", "detail": MAIL}, SMS])
def test_an_event_repeats_the_origin(event: object) -> None:
    assert trace_tag(event) == ORIGIN.traceparent


@pytest.mark.parametrize("event", [{}, {"mail": 1}, {"mail": {"tags": {"trace": []}}}, {"context": None}, [], None])
def test_an_event_without_the_origin_has_none(event: object) -> None:
    assert trace_tag(event) is None


def test_a_parser_learns_what_events_repeat() -> None:
    origins, id_ = Origins(), UUID(int=7)
    mail = {**MAIL["mail"], "tags": {**MAIL["mail"]["tags"], "nid": [str(id_)], "att": ["1"]}}  # type: ignore[dict-item, index]
    parser = TracedParser(None, Tracing("trace", Kept(), origins))

    assert len(parser.parse(json.dumps({**MAIL, "mail": mail}))) == 1  # type: ignore[arg-type]
    assert origins.get(id_) == Traced(ORIGIN, "")
    parser.parse(json.dumps({**MAIL, "mail": {**mail, "tags": {**mail["tags"], "trace": ["x"]}}}))  # type: ignore[dict-item]
    assert len(origins) == 1


def test_spans_are_exported_with_both_traces_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as received:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        spans = OtlpSpans("worker")
        unsampled = SpanOf(Origin(5, 6, 0), {})
        spans.step("build", 1, 2, [SpanOf(ORIGIN, {"a": 1}, [Origin(3, 4, 1)]), unsampled], None)
        spans.step("send", 1, 2, [SpanOf(ORIGIN, {"a": 1}), unsampled], {"b": "x"})
        spans.close()
    build, batch, send = received.spans
    assert (build.name, build.trace, build.parent) == ("notifier build", f"{0xABC:032x}", f"{0xDEF:016x}")
    assert (build.attributes, build.links) == ({"a": 1}, [(f"{3:032x}", f"{4:016x}")])
    assert (batch.name, batch.parent) == ("notifier send batch", "")
    assert batch.attributes == {"notifier.count": 2, "b": "x"}
    assert batch.links == [(f"{0xABC:032x}", f"{0xDEF:016x}")]
    assert send.links == [(batch.trace, batch.span)]
    assert send.attributes == {"a": 1, "b": "x"}
    assert {each.service for each in received.spans} == {"notifier-worker"}


def test_a_collector_that_hangs_delays_nothing_and_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as received:
        received.gate.clear()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        spans = OtlpSpans("worker")
        began = time.monotonic()
        for _ in range(100):
            spans.step("build", 1, 2, [SpanOf(ORIGIN, {})] * 100, None)
        assert time.monotonic() - began < 60  # twenty requests would take 200 seconds: each waits for ten
        (processor,) = spans._provider._active_span_processor._span_processors
        assert len(processor._batch_processor._queue) <= 2048  # type: ignore[attr-defined]
        began = time.monotonic()
        spans.close()
        assert time.monotonic() - began < 5
        received.gate.set()
        wait_until(lambda: received.spans)
