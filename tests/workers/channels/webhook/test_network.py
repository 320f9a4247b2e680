"""The addresses that webhooks may connect to, and the deadline of a request."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address

import httpcore
import pytest

from tests.waiting import wait_until
from workers.channels.webhook import network as guarded_network
from workers.channels.webhook.network import AddressRefused, GuardedNetwork
from workers.channels.webhook.public_address import is_public

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NOT_PUBLIC = [
    *("127.0.0.1", "127.8.9.10", "::1", "::", "0.0.0.0", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:0:7f00:1"),
    *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12::1", "fec0::1", "::ffff:10.0.0.1"),
    *("169.254.0.1", "fe80::1", "fe80::1%2", "224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255"),
    # The metadata services of clouds, plain and in disguise.
    *("169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::", "2001:0:a9fe::"),
    *("192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "240.0.0.1", "192.88.99.1", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("0.0.0.0", 0)) as server:
        server.settimeout(10)
        yield server


def port_of(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


def soon() -> float:
    return time.monotonic() + 10


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f000001", "2130706433", "127.1", "0.0.0.0", "017700000001"]
)
def test_no_spelling_of_this_machine_is_connected_to(host: str, listener: socket.socket) -> None:
    with pytest.raises(AddressRefused):
        GuardedNetwork(allow_private=False).connect_tcp(host, port_of(listener), soon())
    listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_private_addresses_can_be_allowed(listener: socket.socket) -> None:
    GuardedNetwork(allow_private=True).connect_tcp("127.0.0.1", port_of(listener), soon()).close()
    listener.accept()[0].close()


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to a public address first, and to a private one afterwards."""
    answers = iter([["127.0.0.2"], *[["127.0.0.1"]] * 9])

    def rebinding(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        addresses = next(answers) if host == "rebind.example" else [host]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(guarded_network, "is_public", lambda address: str(address) == "127.0.0.2")
    network = GuardedNetwork(allow_private=False)
    network.connect_tcp("rebind.example", port_of(listener), soon()).close()
    accepted, _ = listener.accept()
    with accepted:
        assert accepted.getsockname()[0] == "127.0.0.2"
    with pytest.raises(AddressRefused):
        network.connect_tcp("rebind.example", port_of(listener), soon())


def test_of_several_addresses_only_public_ones_are_tried(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded_network, "look_up", lambda *_: [ip_address(f"127.0.0.{last}") for last in (1, 3, 2)])
    monkeypatch.setattr(guarded_network, "is_public", lambda address: str(address) != "127.0.0.1")
    with socket.create_server(("127.0.0.2", 0)) as only:
        # No server listens on this port of 127.0.0.3: the next one is tried.
        GuardedNetwork(allow_private=False).connect_tcp("many.example", port_of(only), soon()).close()
        only.accept()[0].close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 64 + ".example", "..", "exa mple"])
def test_an_unknown_name_is_a_failure_to_connect(host: str) -> None:
    with pytest.raises(httpcore.ConnectError):
        GuardedNetwork(allow_private=True).connect_tcp(host, 443, soon())


def test_after_the_time_nothing_is_connected_read_or_written(listener: socket.socket) -> None:
    network = GuardedNetwork(allow_private=True)
    stream = network.connect_tcp("127.0.0.1", port_of(listener), soon())
    accepted, _ = listener.accept()
    with accepted, contextlib.closing(stream):
        past = time.monotonic()
        with pytest.raises(httpcore.ConnectTimeout):
            network.connect_tcp("127.0.0.1", port_of(listener), past)
        with pytest.raises(httpcore.WriteTimeout):
            stream.write(b"late", past)
        with pytest.raises(httpcore.ReadTimeout):
            stream.read(10, past)
        stream.write(b"in time", soon())
        assert accepted.recv(100) == b"in time"


def test_an_answer_byte_by_byte_ends_at_the_deadline(listener: socket.socket) -> None:
    stream = GuardedNetwork(allow_private=True).connect_tcp("127.0.0.1", port_of(listener), soon())
    accepted, _ = listener.accept()
    over, deadline = threading.Event(), time.monotonic() + 0.3

    def drip() -> None:
        while not over.wait(0.01):
            accepted.send(b".")

    dripping = threading.Thread(target=drip)
    with accepted, contextlib.closing(stream):
        dripping.start()
        try:
            with pytest.raises(httpcore.ReadTimeout):
                wait_until(lambda: not stream.read(1, deadline))
        finally:
            over.set()
            dripping.join()


def test_a_server_that_never_reads_ends_at_the_deadline(listener: socket.socket) -> None:
    stream = GuardedNetwork(allow_private=True).connect_tcp("127.0.0.1", port_of(listener), soon())
    accepted, _ = listener.accept()
    with accepted, contextlib.closing(stream), pytest.raises(httpcore.WriteTimeout):
        stream.write(b"x" * 50_000_000, time.monotonic() + 0.3)


def test_a_closed_idle_connection_is_readable(listener: socket.socket) -> None:
    stream = GuardedNetwork(allow_private=True).connect_tcp("127.0.0.1", port_of(listener), soon())
    accepted, _ = listener.accept()
    with contextlib.closing(stream):
        assert not stream.get_extra_info("is_readable")
        accepted.close()
        wait_until(lambda: stream.get_extra_info("is_readable"))
