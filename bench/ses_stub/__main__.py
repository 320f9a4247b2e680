"""`python -m bench.ses_stub PORT_FILE`: serve on 127.0.0.1 until SIGTERM or SIGINT."""

import asyncio
import signal
import sys
from pathlib import Path

from bench.ses_stub.api import Api
from bench.ses_stub.server import Connection
from simulators.http.serve import announce


async def serve(port_file: Path) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    api = Api()
    server = await loop.create_server(lambda: Connection(api.answer), "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    announce(f"http://{host}:{port}", port_file)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
