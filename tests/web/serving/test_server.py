"""The socket of the web servers."""

import socket

from web.serving.server import listening


def test_a_connection_sends_what_it_has_at_once() -> None:
    with listening("console", "127.0.0.1", 0) as server, socket.create_connection(server.getsockname()):
        accepted, _ = server.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
