"""The control API of the streams simulator: its commands, what was written, and what was counted."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from simulators.http.messages import Request
from simulators.shared.control import Control, Route
from simulators.shared.fields import decode
from simulators.streams import truth
from simulators.streams.commands import COMMANDS
from simulators.streams.state import SimulatorState


class StreamsControl(Control):
    """The routes of `/_sim/`: the shared ones of `simulators.shared.control`, and those of streams."""

    def __init__(self, state: SimulatorState) -> None:
        self._state = state
        routes: Mapping[tuple[str, str], Route] = {
            **{("POST", name): self._command(name) for name in COMMANDS},
            ("GET", "truth"): self._truth,
            ("GET", "counts"): lambda _: state.counts(),
            ("GET", "settings"): lambda _: state.model.behaviour.as_json(),
            ("POST", "reset"): self._reset,
        }
        super().__init__(state.plan, routes, lambda: {"now": state.model.clock.now()})

    def _command(self, name: str) -> Callable[[Request], Any]:
        return lambda request: COMMANDS[name](self._state, decode(request.body))

    def _truth(self, request: Request) -> dict[str, Any]:
        """What was written. `?stream=` and `?shard=` select records, `?records=0` leaves them out."""
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        account, stream = self._state.model.account, asked.get("stream")
        answer = {
            "now": account.now,
            "counts": truth.counts(account),
            "shards": truth.shards(account, stream),
        }
        if asked.get("records") == "0":
            return answer
        return {**answer, "records": list(truth.records(account, stream, asked.get("shard")))}

    def _reset(self, request: Request) -> dict[str, Any]:
        self._state.reset(decode(request.body))
        return self._state.model.behaviour.as_json()
