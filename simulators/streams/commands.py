"""What can be done to the tables and shards of a simulator, by name."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_type_hints

from examples.activity import sample_items
from simulators.streams.behaviour import KINDS
from simulators.streams.errors import ApiError, invalid
from simulators.streams.fields import Json, Kind, only
from simulators.streams.load.load import Load
from simulators.streams.state import SimulatorState


class Command(NamedTuple):
    """`do` takes the world and the members of the request by name."""

    do: Callable[..., Any]
    kinds: Mapping[str, Kind]
    needed: tuple[str, ...] = ()

    def __call__(self, world: SimulatorState, body: Json) -> Any:
        """Raises ApiError."""
        return self.do(world, **only(body, self.kinds, self.needed))


def create(world: SimulatorState, table: str, stream: bool = True, **how: Any) -> dict[str, Any]:
    if not stream:
        world.model.create_table_without_stream(table, **{"keys": how["keys"]} if "keys" in how else {})
        return {"stream": None}
    return {"stream": world.model.create_table(table, **how)}


def put(
    world: SimulatorState,
    table: str,
    items: list[Any] | None = None,
    samples: int = 0,
    seed: int = 0,
    wire: bool = False,
) -> dict[str, Any]:
    """`wire` items are in DynamoDB's JSON; `samples` are written besides."""
    given = _objects(items or [])
    written = world.model.put_wire(table, given) if wire else world.model.put(table, given)
    return {"records": written + world.model.put(table, sample_items(samples, seed))}


def delete(world: SimulatorState, table: str, keys: list[Any], by_ttl: bool = False) -> dict[str, Any]:
    return {"records": world.model.delete(table, _objects(keys), by_ttl=by_ttl)}


def advance(world: SimulatorState, seconds: float) -> dict[str, float]:
    if seconds < 0:
        raise invalid("time does not go back")
    world.model.advance(seconds)
    return {"now": world.model.clock.now()}


def settings(world: SimulatorState, **changes: Any) -> dict[str, Any]:
    world.model.behaviour = world.model.behaviour.changed(changes)
    return world.model.behaviour.as_json()


def plan(world: SimulatorState, do: str, after: float, body: dict[str, Any]) -> dict[str, float]:
    """Do that command so many seconds later. What fails then is in the counts."""
    command = COMMANDS.get(do)
    if command is None:
        raise invalid(f"'do' must be one of {', '.join(COMMANDS)}")
    only(body, command.kinds, command.needed)

    def carry_out() -> None:
        try:
            command(world, body)
        except ApiError as error:
            world.failed.append(f"{do}: {error}")

    time = world.model.clock.now() + after
    world.model.at(time, carry_out)
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
    "drop": Command(lambda world, table: world.model.drop_table(table), _TABLE, ("table",)),
    "enable": Command(lambda world, **how: {"stream": world.model.enable(**how)}, _NEW_STREAM, ("table",)),
    "disable": Command(lambda world, table: world.model.disable(table), _TABLE, ("table",)),
    "put": Command(put, {"table": str, "items": list, "samples": int, "seed": int, "wire": bool}, ("table",)),
    "delete": Command(delete, {"table": str, "keys": list, "by_ttl": bool}, ("table", "keys")),
    "split": Command(lambda world, **which: {"children": world.model.split(**which)}, _SHARD, ("shard",)),
    "rotate": Command(lambda world, **which: {"children": world.model.rotate(**which)}, _SHARD, ("shard",)),
    "vanish": Command(lambda world, **which: world.model.vanish(**which), _SHARD, ("shard",)),
    "load": Command(lambda world, **how: world.model.load(Load(**how)), get_type_hints(Load)),
    "advance": Command(advance, {"seconds": float}, ("seconds",)),
    "settings": Command(settings, KINDS),
    "at": Command(plan, {"do": str, "after": float, "body": dict}, ("do", "after", "body")),
}
