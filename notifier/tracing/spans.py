"""Makes spans with OpenTelemetry, and exports them by OTLP over HTTP. The only module that imports OpenTelemetry.

The SDK's own thread exports. It has a bounded queue (OTEL_BSP_MAX_QUEUE_SIZE): what a collector that is down or slow
does not take is dropped.
"""

import os
import threading
from collections.abc import Iterable, Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, set_span_in_context

from notifier.tracing.origin import Origin
from notifier.tracing.tracing import Attributes, SpanOf

_KINDS = {
    "record": SpanKind.CONSUMER,
    "publish": SpanKind.PRODUCER,
    "build": SpanKind.INTERNAL,
    "send": SpanKind.CLIENT,
    "event": SpanKind.CONSUMER,
}
_MOST_LINKS = 128
"""Links of one span that the SDK keeps by default."""
_CLOSE_SECONDS = 3.0


class OtlpSpans:
    """Exports to where the variables OTEL_* say."""

    def __init__(self, process: str) -> None:
        named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        resource = Resource.create({} if named else {SERVICE_NAME: f"notifier-{process}"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("notifier")

    def step(self, name: str, began: int, ended: int, spans: Sequence[SpanOf], batch: Attributes | None) -> None:
        """Make the spans: each is a child of its origin. The one of the batch is in a trace of its own; it is linked
        to the origins, and the spans of the notifications to it.
        """
        sampled = [each.origin for each in spans if each.origin.sampled]
        around: tuple[Link, ...] = ()
        if batch is not None and sampled:
            span = self._tracer.start_span(
                f"notifier {name} batch",
                context=Context(),
                kind=_KINDS[name],
                attributes={"notifier.count": len(spans), **batch},
                links=_links(sampled[:_MOST_LINKS]),
                start_time=began,
            )
            span.end(ended)
            around = (Link(span.get_span_context()),)
        for each in spans:
            self._tracer.start_span(
                f"notifier {name}",
                context=set_span_in_context(NonRecordingSpan(_context(each.origin)), Context()),
                kind=_KINDS[name],
                attributes={**(batch or {}), **each.attributes},
                links=(*around, *_links(each.links[:_MOST_LINKS])),
                start_time=began,
            ).end(ended)

    def close(self) -> None:
        """Export what is left. A collector that does not answer delays the end of the process by three seconds."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)


def _context(origin: Origin) -> SpanContext:
    return SpanContext(origin.trace_id, origin.span_id, is_remote=True, trace_flags=TraceFlags(origin.flags & 1))


def _links(origins: Iterable[Origin]) -> list[Link]:
    return [Link(_context(each)) for each in origins]
