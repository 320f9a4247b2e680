"""Run a simulator as a process: its options, its address, and its end at SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.http.server import Handler, Server


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen. Port 0 takes a free one. `port_file` gets the address once the server is ready."""

    host: str = "127.0.0.1"
    port: int = 0
    port_file: Path | None = None


def add_listen_options(group: argparse._ActionsContainer) -> None:
    """Add the options whose names are the fields of Listen."""
    add = group.add_argument
    add("--host", default="127.0.0.1", help="address to listen on")
    add("--port", type=int, default=0, help="0 takes a free one")
    add("--port-file", type=Path, help="write the address here too, when ready")


def run(program: str, serve: Coroutine[Any, Any, None], errors: tuple[type[Exception], ...] = (OSError,)) -> int:
    """Run `serve` to its end. Return the exit code: 1, after a line on standard error, for one of `errors`."""
    try:
        asyncio.run(serve)
    except errors as error:
        print(f"{program}: {error}", file=sys.stderr)
        return 1
    return 0


async def serve_until_stopped(handle: Handler, listen: Listen) -> None:
    """Answer requests with `handle` until SIGTERM or SIGINT. Raise OSError if it cannot listen there."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(handle)
    try:
        host, port = await server.start(listen.host, listen.port)
        announce(f"http://{host}:{port}", listen.port_file)
        await stop.wait()
    finally:
        await server.stop()


def announce(address: str, port_file: Path | None) -> None:
    """Print the address, and write it to `port_file` if there is one."""
    if port_file is not None:
        # Renamed into place, so that a process that waits for the file never reads half of an address.
        written = port_file.with_name(port_file.name + ".new")
        written.write_text(address + "\n")
        written.replace(port_file)
    print(address, flush=True)
