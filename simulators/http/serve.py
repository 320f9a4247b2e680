"""Run a simulator as a process: listen, print the address, and stop at SIGTERM or SIGINT."""

import asyncio
import signal
from pathlib import Path

from simulators.http.server import Handler, Server


async def serve_until_stopped(handle: Handler, host: str, port: int, port_file: Path | None) -> None:
    """Answer requests with `handle` until SIGTERM or SIGINT. Port 0 takes a free one.

    Raises OSError if it cannot listen there.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(handle)
    try:
        host, port = await server.start(host, port)
        announce(f"http://{host}:{port}", port_file)
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
