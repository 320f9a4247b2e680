"""The command line of the streams simulator."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.http.serve import Listen, add_listen_options
from simulators.shared.errors import ApiError
from simulators.shared.fields import decode
from simulators.streams.behaviour import KINDS, Behaviour


@dataclass(frozen=True, slots=True)
class Options:
    listen: Listen
    tables: Sequence[str]
    shards: int
    behaviour: Behaviour


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Return the options. End the program with a message if the arguments are wrong."""
    given = _parser().parse_args(arguments)
    return Options(Listen(given.host, given.port, given.port_file), given.table, given.shards, given.settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulators.streams",
        description="A simulator of DynamoDB Streams, controlled by POST /_sim/... Prints its address when ready.",
        epilog=f"Settings: {', '.join(KINDS)}.",
    )
    add_listen_options(parser)
    add = parser.add_argument
    add("--table", action="append", default=[], help="make this table, with a stream; may be repeated")
    add("--shards", type=int, default=1, help="of each of these tables; 1 by default")
    add("--settings", type=_behaviour, default=Behaviour(), help="JSON, as POST /_sim/settings takes it")
    return parser


def _behaviour(text: str) -> Behaviour:
    try:
        return Behaviour().changed(decode(text.encode()))
    except ApiError as error:
        raise argparse.ArgumentTypeError(error.message) from None
