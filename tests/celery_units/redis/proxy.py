"""A wire between client and server that can go dead without a word, as a firewall makes it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """Forwards to the server of `url`. Its own URL is the same but for the port."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._server = parts.hostname, parts.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._wires: list[socket.socket] = []
        self._dead: set[socket.socket] = set()
        self._stays_frozen = False
        self._threads: list[threading.Thread] = []
        self.url = url.replace(f":{parts.port}", f":{self._listener.getsockname()[1]}")
        self._start(self._accept)

    def freeze(self, *, new: bool = False) -> None:
        """What is sent over the present connections arrives nowhere from now on, and nobody is told. With `new` the
        same goes for connections to come.
        """
        self._stays_frozen = new
        self._dead.update(self._wires)

    def mute(self) -> None:
        """What the server answers over the present connections arrives nowhere from now on."""
        self._dead.update(self._wires[1::2])

    def cut(self) -> None:
        """The present connections end."""
        for wire in self._wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def lead_to(self, port: int) -> None:
        """New connections go to that server; those there are stay where they are."""
        self._server = self._server[0], port

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for each in (*self._wires, self._listener):
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
                self._wires += [client, server]
                if self._stays_frozen:
                    self._dead.update((client, server))
                self._start(self._pump, client, server)
                self._start(self._pump, server, client)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if source not in self._dead:
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
