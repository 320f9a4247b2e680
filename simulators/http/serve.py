"""The life of a simulator's process: listen, say where, and stop in peace at SIGTERM or SIGINT."""

import asyncio
import signal
from pathlib import Path

from simulators.http.announce import announce
from simulators.http.server import Handler, Server


async def serve_until_stopped(handle: Handler, host: str, port: int, port_file: Path | None) -> None:
    """Port 0 takes a free one. Raises OSError where it cannot listen."""
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
