import socket
import threading
import time
from collections.abc import Iterator

import pytest

from sandbox.embedded.allocation import free_port
from tests.chaos.faults.proxy import CUT, DELAYED, REFUSED, CutAt, Delay, LoseAnswer, Proxy, Refuse
from tests.waiting import wait_until


class Echo:
    """A server that answers each line with itself, and remembers what it was sent."""

    def __init__(self) -> None:
        self.port = free_port()
        self.got = b""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(1000):
                    self.got += data
                    connection.sendall(data)
            except OSError:
                return


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy(echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert ask(client, b"hello") == b"hello"
        yield client


def ask(client: socket.socket, words: bytes) -> bytes:
    """The answer; what there is of it where the connection ends."""
    got = b""
    try:
        client.sendall(words)
        while len(got) < len(words) and (data := client.recv(1000)):
            got += data
    except ConnectionError:
        pass
    return got


def test_a_cut_ends_every_connection(proxy: Proxy, client: socket.socket) -> None:
    assert proxy.cut_all() == 1
    assert proxy.cut_all() == 0
    assert ask(client, b"lost") == b""
    assert proxy.harmed == {CUT: 1}


def test_a_request_is_cut_in_the_middle(echo: Echo, proxy: Proxy, client: socket.socket) -> None:
    proxy.set_trap(trap := CutAt(bytes_left=3))
    ask(client, b"COMMIT")
    wait_until(lambda: echo.got == b"helloCOM")
    assert trap.sprung
    assert proxy.harmed == {CUT: 1}


def test_an_answer_is_cut_in_the_middle(echo: Echo, proxy: Proxy, client: socket.socket) -> None:
    proxy.set_trap(CutAt(bytes_left=8, answers=True))
    assert ask(client, b"12345") == b"12345"
    assert ask(client, b"67890") in (b"678", b"")  # TCP may drop what it has not delivered
    assert echo.got == b"hello1234567890"


def test_the_answer_to_a_commit_is_lost(echo: Echo, proxy: Proxy, client: socket.socket) -> None:
    proxy.set_trap(trap := LoseAnswer(to=b"COMMIT"))
    assert ask(client, b"INSERT") == b"INSERT"
    assert not trap.sprung
    assert not proxy.harmed  # no client was affected
    assert ask(client, b"COMMIT") == b""
    assert echo.got.endswith(b"COMMIT")


def test_a_stall_delays_and_loses_nothing(proxy: Proxy, client: socket.socket) -> None:
    proxy.stall(0.2)
    assert ask(client, b"late") == b"late"
    assert proxy.harmed == {DELAYED: 1}


def test_a_delay_is_of_one_connection_and_once(proxy: Proxy, client: socket.socket) -> None:
    proxy.set_trap(trap := Delay(seconds=0.2))
    began = time.monotonic()
    assert ask(client, b"late") == b"late"
    assert time.monotonic() - began >= 0.2
    assert trap.sprung
    assert ask(client, b"soon") == b"soon"
    assert proxy.harmed == {DELAYED: 1}


def test_a_request_is_refused_whole_and_the_next_one_is_not(echo: Echo, proxy: Proxy, client: socket.socket) -> None:
    proxy.set_trap(Refuse(answer=b"HTTP/1.1 503 Away\r\n\r\n"))
    client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n")
    client.sendall(b"body")
    assert client.recv(1000) == b"HTTP/1.1 503 Away\r\n\r\n"
    assert ask(client, b"well") == b"well"
    assert echo.got == b"hellowell"
    assert proxy.harmed == {REFUSED: 1}


def test_after_healing_no_trap_is_left(proxy: Proxy, client: socket.socket) -> None:
    proxy.set_trap(LoseAnswer())
    proxy.set_trap(LoseAnswer())
    assert proxy.traps == 2
    proxy.heal()
    assert proxy.traps == 0
    assert ask(client, b"well") == b"well"
    assert not proxy.harmed


def test_who_comes_while_the_server_is_away_is_refused_and_may_come_again(echo: Echo, proxy: Proxy) -> None:
    echo.close()
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        assert ask(client, b"anybody?") == b""
