"""A TCP proxy whose connections can become silent, as behind a firewall that drops packets."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """Forwards to the server of `url`. Its own URL differs in the port."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._server = parts.hostname, parts.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._silent: set[socket.socket] = set()
        self._stays_frozen = False
        self._threads: list[threading.Thread] = []
        self.url = url.replace(f":{parts.port}", f":{self._listener.getsockname()[1]}")
        self._start(self._accept)

    def freeze(self, *, new: bool = False) -> None:
        """Drop everything that is sent over the present connections, in both directions. With `new`, over later ones
        too.
        """
        self._stays_frozen = new
        self._silent.update(self._sockets)

    def mute(self) -> None:
        """Drop what the server answers over the present connections."""
        self._silent.update(self._sockets[1::2])

    def cut(self) -> None:
        """Close the present connections."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def lead_to(self, port: int) -> None:
        """Let new connections go to the server at that port. The present ones stay."""
        self._server = self._server[0], port

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for each in (*self._sockets, self._listener):
            each.close()

    def _start(self, run: object, *arguments: object) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._sockets += [client, server]
                if self._stays_frozen:
                    self._silent.update((client, server))
                self._start(self._pump, client, server)
                self._start(self._pump, server, client)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if source not in self._silent:
                    target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxied(url: str) -> Iterator[Proxy]:
    proxy = Proxy(url)
    try:
        yield proxy
    finally:
        proxy.close()
