"""A message of a unit of which Celery's request is made only when something needs it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from celery_units.request import UnitRequest


class ReservedRequest(UnitRequest):
    """A request that has only what a unit needs of its message, which is a plain call and does not expire.

    Most messages need no more. The other attributes are made when one of them is read: by a failure or a retry, an
    event, a receiver of a signal, `celery inspect` or a revoke.
    """

    def __init__(
        self,
        tag: str,
        payload: Mapping[str, Any],
        call: Sequence[Any],
        fill: Callable[[Self], None],
        *,
        task: Any,
        hostname: str,
        eventer: Any,
    ) -> None:
        """`payload` is the message as it is in Redis, and `call` its body. `fill` calls `complete`."""
        headers, properties = payload["headers"], payload["properties"]
        info = properties.get("delivery_info") or {}
        self.tag = tag
        self.received_at = time.time()
        self.id = headers["id"]
        self.name = headers.get("shadow") or headers["task"]
        self._task, self._eventer, self._expires = task, eventer, None
        self._delivery_info = {
            "exchange": info.get("exchange"),
            "routing_key": info.get("routing_key"),
            "priority": properties.get("priority"),
            "redelivered": info.get("redelivered", False),
        }
        self._request_dict = {
            **headers,
            "properties": properties,
            "reply_to": properties.get("reply_to"),
            "correlation_id": properties.get("correlation_id"),
            "hostname": hostname,
            "delivery_info": self._delivery_info,
            "args": call[0],
            "kwargs": call[1],
        }
        self._fill = fill

    def complete(self, message: Any, **options: Any) -> None:
        """Make the other attributes. `options` are those of Celery's request."""
        request_dict, received_at = self._request_dict, self.received_at
        options["eventer"] = self._eventer  # that of a later connection, perhaps
        super().__init__(message, headers=request_dict, **options)
        self._request_dict, self.received_at = request_dict, received_at  # the unit has the dict

    def __getattr__(self, name: str) -> Any:
        """Make the other attributes, and return this one. Python calls it for attributes that are not there."""
        fill = self.__dict__.pop("_fill", None)
        if fill is None:
            raise AttributeError(f"a task's request has no attribute {name!r}")
        fill(self)
        return getattr(self, name)
