"""The command line of the simulator."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.streams.behaviour import KINDS, Behaviour
from simulators.streams.errors import ApiError
from simulators.streams.fields import decode


@dataclass(frozen=True, slots=True)
class Options:
    host: str
    port: int
    port_file: Path | None
    tables: tuple[str, ...]
    shards: int
    behaviour: Behaviour


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Ends the program with a message where the arguments are wrong."""
    given = _parser().parse_args(arguments)
    return Options(given.host, given.port, given.port_file, tuple(given.table), given.shards, given.settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.streams",
        description="A stand-in for DynamoDB Streams, told by POST /_sim/... Prints its address when ready.",
        epilog=f"Settings: {', '.join(KINDS)}.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on; this machine by default")
    add("--port", type=int, default=0, help="a free one by default")
    add("--port-file", type=Path, help="write the address here too, when ready")
    add("--table", action="append", default=[], help="make this table, with a stream; may be repeated")
    add("--shards", type=int, default=1, help="of each of these tables; 1 by default")
    add("--settings", type=_behaviour, default=Behaviour(), help="JSON, as POST /_sim/settings takes it")
    return parser


def _behaviour(text: str) -> Behaviour:
    try:
        return Behaviour().changed(decode(text.encode()))
    except ApiError as error:
        raise argparse.ArgumentTypeError(error.message) from None
