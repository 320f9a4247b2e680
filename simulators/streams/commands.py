"""The commands of `POST /_sim/NAME`: they change the tables and shards of the simulator."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_type_hints

from examples.activity import sample_items
from simulators.shared.errors import ApiError, invalid
from simulators.shared.fields import Json, Kind, take_only_members
from simulators.streams.behaviour import KINDS
from simulators.streams.load.load import Load
from simulators.streams.state import SimulatorState


class Command(NamedTuple):
    """A command. `run` takes the state of the simulator, and the members of the request as keyword arguments."""

    run: Callable[..., Any]
    kinds: Mapping[str, Kind]
    required: tuple[str, ...] = ()

    def __call__(self, state: SimulatorState, body: Json) -> Any:
        """Raise ApiError."""
        return self.run(state, **take_only_members(body, self.kinds, self.required))


def create(state: SimulatorState, table: str, stream: bool = True, **how: Any) -> dict[str, Any]:
    if not stream:
        state.model.create_table_without_stream(table, **{"keys": how["keys"]} if "keys" in how else {})
        return {"stream": None}
    return {"stream": state.model.create_table(table, **how)}


def put(
    state: SimulatorState,
    table: str,
    items: list[Any] | None = None,
    samples: int = 0,
    seed: int = 0,
    wire: bool = False,
) -> dict[str, Any]:
    """Write `items` (with `wire` in the JSON of DynamoDB), and so many sample items of the example."""
    given = _objects(items or [])
    written = state.model.put_wire(table, given) if wire else state.model.put(table, given)
    return {"records": written + state.model.put(table, sample_items(samples, seed))}


def delete(state: SimulatorState, table: str, keys: list[Any], by_ttl: bool = False) -> dict[str, Any]:
    return {"records": state.model.delete(table, _objects(keys), by_ttl=by_ttl)}


def advance(state: SimulatorState, seconds: float) -> dict[str, float]:
    if seconds < 0:
        raise invalid("time does not go back")
    state.model.advance(seconds)
    return {"now": state.model.clock.now()}


def settings(state: SimulatorState, **changes: Any) -> dict[str, Any]:
    state.model.behaviour = state.model.behaviour.changed(changes)
    return state.model.behaviour.as_json()


def plan(state: SimulatorState, do: str, after: float, body: dict[str, Any]) -> dict[str, float]:
    """Run the command `do` after so many seconds. If it fails then, `GET /_sim/counts` shows the error."""
    command = COMMANDS.get(do)
    if command is None:
        raise invalid(f"'do' must be one of {', '.join(COMMANDS)}")
    take_only_members(body, command.kinds, command.required)

    def carry_out() -> None:
        try:
            command(state, body)
        except ApiError as error:
            state.failed.append(f"{do}: {error}")

    time = state.model.clock.now() + after
    state.model.at(time, carry_out)
    return {"time": time}


def _objects(values: list[Any]) -> list[dict[str, Any]]:
    if not all(isinstance(value, dict) for value in values):
        raise invalid("items and keys are objects")
    return values


_TABLE: Mapping[str, Kind] = {"table": str}
_SHARD: Mapping[str, Kind] = {"shard": str, "stream": str}
_NEW_STREAM: Mapping[str, Kind] = {"table": str, "shards": int, "view": str}

COMMANDS: Mapping[str, Command] = {
    "tables": Command(create, {**_NEW_STREAM, "keys": list, "stream": bool}, ("table",)),
    "drop": Command(lambda state, table: state.model.drop_table(table), _TABLE, ("table",)),
    "enable": Command(lambda state, **how: {"stream": state.model.enable(**how)}, _NEW_STREAM, ("table",)),
    "disable": Command(lambda state, table: state.model.disable(table), _TABLE, ("table",)),
    "put": Command(put, {"table": str, "items": list, "samples": int, "seed": int, "wire": bool}, ("table",)),
    "delete": Command(delete, {"table": str, "keys": list, "by_ttl": bool}, ("table", "keys")),
    "split": Command(lambda state, **which: {"children": state.model.split(**which)}, _SHARD, ("shard",)),
    "rotate": Command(lambda state, **which: {"children": state.model.rotate(**which)}, _SHARD, ("shard",)),
    "vanish": Command(lambda state, **which: state.model.vanish(**which), _SHARD, ("shard",)),
    "load": Command(lambda state, **how: state.model.load(Load(**how)), get_type_hints(Load)),
    "advance": Command(advance, {"seconds": float}, ("seconds",)),
    "settings": Command(settings, KINDS),
    "at": Command(plan, {"do": str, "after": float, "body": dict}, ("do", "after", "body")),
}
