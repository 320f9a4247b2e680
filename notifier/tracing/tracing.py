"""What the traced objects of a process use: the origins of its notifications, and where spans go."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import structlog

from notifier.messages import ContentT_co, Message, RequestT_co
from notifier.tracing.message import TracedMessage
from notifier.tracing.origin import Origin
from notifier.tracing.origins import ORIGINS, Origins, Traced
from notifier.tracing.record import origin_in

log = structlog.get_logger(__name__)

Attributes = Mapping[str, str | int]
"""Of a span. Never a recipient, nor anything else of an item or a message."""


class SpanOf(NamedTuple):
    """The span of one notification in a step."""

    origin: Origin
    attributes: Attributes
    links: Sequence[Origin] = ()


class Exporter(Protocol):
    """Makes spans and exports them. It must not block."""

    def step(self, name: str, began: int, ended: int, spans: Sequence[SpanOf], batch: Attributes | None) -> None:
        """Make a span for each, and with the attributes of a `batch` one for all. Times are Unix nanoseconds."""

    def close(self) -> None:
        """Export what is left, for a few seconds at most."""


class Tracing:
    """The tracing of one process. Nothing that fails here stops or delays a notification."""

    def __init__(self, attribute: str, exporter: Exporter, origins: Origins = ORIGINS) -> None:
        """`attribute` is the name of that of an item that has the traceparent."""
        self._attribute = attribute
        self._exporter = exporter
        self._origins = origins
        self._failed = False

    def now(self) -> int:
        """Return the time in Unix nanoseconds, for `began`."""
        return time.time_ns()

    def remember(self, found: Iterable[tuple[UUID, str, bytes]]) -> None:
        """Keep the origins of notifications: their ids, routes and records."""
        self._origins.add(
            {id_: Traced(each, route) for id_, route, record in found if (each := origin_in(record, self._attribute))}
        )

    def remember_text(self, notification: UUID, traceparent: object) -> None:
        """Keep the origin that a provider's event repeats."""
        if origin := Origin.of(traceparent):
            self._origins.add({notification: Traced(origin, "")})

    def origin_in(self, record: bytes) -> Origin | None:
        return origin_in(record, self._attribute)

    def carried(self, message: Message[RequestT_co, ContentT_co]) -> Message[RequestT_co, ContentT_co]:
        """Return the message with its origin, so that the provider's events repeat it."""
        traced = self._origins.get(message.notification_id)
        return TracedMessage.of(message, traced.origin.traceparent) if traced else message

    def step(
        self,
        name: str,
        began: int,
        done: Iterable[tuple[UUID, Attributes]],
        batch: Attributes | None = None,
        links: Sequence[Origin] = (),
    ) -> None:
        """Note a step that has just ended, with attributes for each notification. Those without an origin are left
        out. `links` are the origins of other events that are in it.
        """
        try:
            spans = [
                SpanOf(traced.origin, _attributes(id_, traced, attributes), links)
                for id_, attributes in done
                if (traced := self._origins.get(id_))
            ]
            if spans:
                self._exporter.step(name, began, time.time_ns(), spans, batch)
        except Exception as error:  # noqa: BLE001  whatever is wrong with a span, the notification goes on
            if not self._failed:
                self._failed = True
                log.warning("spans cannot be made; notifications go on", error=type(error).__name__)

    def close(self) -> None:
        self._exporter.close()


def _attributes(id_: UUID, traced: Traced, more: Attributes) -> Attributes:
    route = {"notifier.route": traced.route} if traced.route else {}
    return {"notifier.notification": str(id_), **route, **more}
