"""The control API of a simulator under `/_sim/`: tests and benchmarks set it up there and ask what happened.

Both simulators answer `GET health`, `POST reset` and `GET|POST|DELETE faults`. The rest is their own.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from simulators.http.messages import Request
from simulators.http.replies import Response, json_response
from simulators.shared.errors import ApiError, invalid
from simulators.shared.faults import Plan

PATH = "/_sim/"

Route = Callable[[Request], Any]
"""Answers a request with a value for JSON; None is an empty object."""


class Control:
    """Answers the requests to `/_sim/`.

    `routes` are those of one simulator, by method and path below `/_sim/`; `health` adds to `GET health`.
    """

    def __init__(
        self, plan: Plan, routes: Mapping[tuple[str, str], Route], health: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._plan = plan
        self._own_health = health
        self._started = time.monotonic()
        self._routes: Mapping[tuple[str, str], Route] = {
            ("GET", "health"): self._health,
            ("GET", "faults"): lambda _: plan.as_json(),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            **routes,
        }

    def answer(self, request: Request) -> Response:
        """Raise ApiError."""
        route = self._routes.get((request.method, request.path.removeprefix(PATH)))
        if route is None or not request.path.startswith(PATH):
            raise ApiError("NotFoundException", f"{request.method} {request.path}: there is no such thing.", 404)
        value = route(request)
        return json_response({} if value is None else value)

    def _health(self, _: Request) -> dict[str, Any]:
        uptime = round(time.monotonic() - self._started, 3)
        return {"status": "ok", "uptime_seconds": uptime, **self._own_health()}

    def _add_faults(self, request: Request) -> list[dict[str, Any]]:
        """Add the rules of the request, or none if one is wrong."""
        try:
            rules = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise invalid(f"The fault plan is not JSON: {error}") from error
        if not (isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules)):
            raise invalid("The fault plan is a list of rules")
        self._plan.add(rules)
        return self._plan.as_json()

    def _clear_faults(self, _: Request) -> list[dict[str, Any]]:
        self._plan.clear()
        return []
