"""The network backend of webhooks: connects to public addresses only, and keeps one deadline for a whole request.

A name is looked up once, and the connection goes to an address that was checked, so that a name which resolves to
another address a moment later (DNS rebinding) does not get around the check. The timeouts of httpcore are points in
time here, on the clock of `time.monotonic`: a receiver that sends one byte at a time would never exceed a timeout
that starts again with every byte.
"""

import select
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import httpcore

from workers.channels.webhook.public_address import is_public

IpAddress = IPv4Address | IPv6Address


class AddressRefused(Exception):
    """The host resolves to private addresses only."""


class GuardedNetwork(httpcore.NetworkBackend):
    """Opens connections to addresses of the public internet. `allow_private`: to all addresses."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection. Raise AddressRefused, httpcore.ConnectError or ConnectTimeout if nothing was sent."""
        del local_address, socket_options  # never given: the pool has no such options
        with _named(httpcore.ConnectTimeout, httpcore.ConnectError):
            addresses = [each for each in look_up(host, port) if self._allow_private or is_public(each)]
            if not addresses:
                raise AddressRefused
            return GuardedStream(connected(addresses, port, timeout))


class GuardedStream(httpcore.NetworkStream):
    """One connection, with or without TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _named(httpcore.ReadTimeout, httpcore.ReadError):
            self._sock.settimeout(_left(timeout))
            return self._sock.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        with _named(httpcore.WriteTimeout, httpcore.WriteError):
            while rest:
                self._sock.settimeout(_left(timeout))
                rest = rest[self._sock.send(rest) :]

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            with _named(httpcore.ConnectTimeout, httpcore.ConnectError):
                self._sock.settimeout(_left(timeout))
                return GuardedStream(ssl_context.wrap_socket(self._sock, server_hostname=server_hostname))
        except Exception:
            self._sock.close()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Answer `is_readable` only. On an idle connection, True means that the server has closed it."""
        if info != "is_readable":
            return None
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))


def look_up(host: str, port: int) -> list[IpAddress]:
    """Return the addresses of a host. Raise OSError, or ValueError for an invalid name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(each[4][0]) for each in found))


def connected(addresses: list[IpAddress], port: int, deadline: float | None) -> socket.socket:
    """Return a socket to the first address that accepts; the time until the deadline is divided between them.

    Raise OSError.
    """
    failure = OSError("no address")
    for number, address in enumerate(addresses):
        left = _left(deadline)
        share = None if left is None else left / (len(addresses) - number)
        try:
            sock = socket.create_connection((str(address), port), share)
        except OSError as error:
            failure = error
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
    raise failure


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left


@contextmanager
def _named(timeout: type[Exception], error: type[Exception]) -> Iterator[None]:
    """Raise httpcore's exceptions in place of the system's."""
    try:
        yield
    except TimeoutError as caught:
        raise timeout(caught) from caught
    except (OSError, ValueError) as caught:  # ValueError: an invalid host name
        raise error(caught) from caught
