"""A message of a unit of which Celery's request is made only when something needs it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from celery_units.redis.alike import Reserved
from celery_units.request import UnitRequest


class ReservedRequest(UnitRequest):
    """A request that has only what a unit needs of its message, which is a plain call and does not expire.

    Most messages need no more. The other attributes are made when one of them is read: by a failure or a retry, an
    event, a receiver of a signal, `celery inspect` or a revoke.
    """

    _expires = None

    @classmethod
    def share(cls, *, task: Any, eventer: Any, fill: Callable[[Reserved, Self], None]) -> None:
        """Set what all requests of this class have in common: an attribute of each takes longer.

        `fill` calls `complete`: it gets the message and the request.
        """
        cls._task, cls._eventer, cls._fill = task, eventer, staticmethod(fill)

    def __init__(self, tag: str, request_dict: dict[str, Any], received_at: float, message: Reserved) -> None:
        """`request_dict` is of `request_dict_of`, or the same for this message."""
        self.tag = tag
        self.received_at = received_at
        self.id = request_dict["id"]
        self.name = request_dict.get("shadow") or request_dict["task"]
        self._request_dict = request_dict
        self._reserved = message

    @property
    def delivery_info(self) -> dict[str, Any]:
        found: dict[str, Any] = self._request_dict["delivery_info"]
        return found

    def complete(self, message: Any, **options: Any) -> None:
        """Make the other attributes. `options` are those of Celery's request."""
        request_dict, received_at = self._request_dict, self.received_at
        options["eventer"] = self._eventer  # that of a later connection, perhaps
        super().__init__(message, headers=request_dict, **options)
        self._request_dict, self.received_at = request_dict, received_at  # the unit has the dict

    def __getattr__(self, name: str) -> Any:
        """Make the other attributes, and return this one. Python calls it for attributes that are not there."""
        message = self.__dict__.pop("_reserved", None)
        if message is None:
            raise AttributeError(f"a task's request has no attribute {name!r}")
        self._fill(message, self)
        return getattr(self, name)


def request_dict_of(payload: Mapping[str, Any], call: Sequence[Any], hostname: str) -> dict[str, Any]:
    """What Celery's request tells a task of its message, given as it is in Redis; `call` is its body."""
    headers, properties = payload["headers"], payload["properties"]
    info = properties.get("delivery_info") or {}
    return {
        **headers,
        "properties": properties,
        "reply_to": properties.get("reply_to"),
        "correlation_id": properties.get("correlation_id"),
        "hostname": hostname,
        "delivery_info": {
            "exchange": info.get("exchange"),
            "routing_key": info.get("routing_key"),
            "priority": properties.get("priority"),
            "redelivered": info.get("redelivered", False),
        },
        "args": call[0],
        "kwargs": call[1],
    }
