"""`/_sim`: what tests and oracles ask and tell the simulator. No part of DynamoDB."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson

from simulators.http.messages import Request
from simulators.http.replies import Response, json_response
from simulators.streams import truth
from simulators.streams.commands import COMMANDS
from simulators.streams.errors import ApiError, invalid
from simulators.streams.faults import rule_from
from simulators.streams.fields import decode
from simulators.streams.state import SimulatorState

PATH = "/_sim/"


class Control:
    def __init__(self, world: SimulatorState) -> None:
        self._world = world
        self._started = time.monotonic()
        self._routes: Mapping[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "health"): self._health,
            ("GET", "truth"): self._truth,
            ("GET", "counts"): lambda _: world.counts(),
            ("GET", "settings"): lambda _: world.model.behaviour.as_json(),
            ("GET", "faults"): lambda _: world.plan.as_json(),
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "reset"): self._reset,
        }

    def answer(self, request: Request) -> Response:
        """Raises ApiError."""
        name = request.path.removeprefix(PATH)
        if (route := self._routes.get((request.method, name))) is not None:
            return json_response(route(request))
        if request.method == "POST" and (command := COMMANDS.get(name)) is not None:
            done = command(self._world, decode(request.body))
            return json_response({} if done is None else done)
        raise ApiError("NotFound", f"{request.method} {request.path}: there is no such thing.", 404)

    def _health(self, _: Request) -> dict[str, Any]:
        uptime = round(time.monotonic() - self._started, 3)
        return {"status": "ok", "uptime_seconds": uptime, "now": self._world.model.clock.now()}

    def _truth(self, request: Request) -> dict[str, Any]:
        """`?stream=` and `?shard=` narrow the records, `?records=0` leaves them out."""
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        account, stream = self._world.model.account, asked.get("stream")
        told = {
            "now": account.now,
            "counts": truth.counts(account),
            "shards": truth.shards(account, stream),
        }
        if asked.get("records") == "0":
            return told
        return {**told, "records": list(truth.records(account, stream, asked.get("shard")))}

    def _add_faults(self, request: Request) -> list[dict[str, Any]]:
        """All rules or, where one is wrong, none."""
        try:
            rules = orjson.loads(request.body)
        except orjson.JSONDecodeError as error:
            raise invalid(f"The fault plan is not JSON: {error}") from error
        if not (isinstance(rules, list) and all(isinstance(rule, dict) for rule in rules)):
            raise invalid("The fault plan is a list of rules")
        self._world.plan.add([rule_from(rule) for rule in rules])
        return self._world.plan.as_json()

    def _clear_faults(self, _: Request) -> list[dict[str, Any]]:
        self._world.plan.clear()
        return []

    def _reset(self, request: Request) -> dict[str, Any]:
        self._world.reset(decode(request.body))
        return self._world.model.behaviour.as_json()
