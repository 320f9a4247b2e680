"""A channel that tries to reach another machine in the way that the recipient names.

`python -m tests.sandbox.remote_access INBOX TO...` prints the outcome of each message.
"""

import asyncio
import os
import smtplib
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar
from uuid import UUID

import httpx

from notifier.channels import Capability
from notifier.messages import Message
from notifier.outcomes import Accepted, NotSent, Outcome, Rejected
from notifier.settings import Settings
from notifier.testing import channel_settings
from sandbox import local_worker

FAR = "192.0.2.1"


def datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", (FAR, 53))


def connection(host: str) -> None:
    socket.create_connection((host, 9), 1).close()


async def _asked() -> None:
    async with httpx.AsyncClient(timeout=1) as client:
        await client.get(f"http://{FAR}/")


WAYS: dict[str, Callable[[], Any]] = {
    "socket": lambda: connection(FAR),
    "ipv6": lambda: connection("2001:db8::1"),
    "name": lambda: socket.getaddrinfo("shop.example", 443),
    "old name": lambda: socket.gethostbyname("shop.example"),
    "datagram": datagram,
    "httpx": lambda: httpx.get(f"https://{FAR}/", timeout=1),
    "httpx name": lambda: httpx.get("https://shop.example/", timeout=1),
    "asyncio": lambda: asyncio.run(_asked()),
    "urllib": lambda: urllib.request.urlopen(f"http://{FAR}/", timeout=1),
    "smtp": lambda: smtplib.SMTP(FAR, timeout=1),
    "program": lambda: subprocess.run(["true"], check=True),
    "shell": lambda: os.system("true"),
}


def in_thread(way: Callable[[], Any]) -> Any:
    failed: list[Exception] = []

    def run() -> None:
        try:
            way()
        except Exception as error:  # noqa: BLE001  raised again in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in failed:
        raise error


class Leaving:
    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = object

    def __init__(self, settings: Settings) -> None:
        self._pool = ThreadPoolExecutor(2)

    @staticmethod
    def address(to: str) -> str:
        return to

    def rate(self) -> float | None:
        connection(FAR)
        return None

    def send(self, messages: Sequence[Message[Any, Any]]) -> list[Outcome]:
        return list(self._pool.map(self._send_one, messages))

    def close(self) -> None:
        self._pool.shutdown()

    def _send_one(self, message: Message[Any, Any]) -> Outcome:
        how, _, way = message.request.to.partition(":")
        if how == "refuse":
            return Rejected("at fault")
        if how == "port":
            try:
                connection_to = socket.create_connection(("127.0.0.1", int(way)), 2)
            except OSError as error:
                return NotSent(str(error))
            connection_to.close()
            return Accepted("local")
        try:
            in_thread(WAYS[way]) if how == "thread" else WAYS[way]()
        except OSError as error:
            return NotSent(str(error))
        except Exception as error:  # noqa: BLE001  libraries wrap the error
            return NotSent(f"{type(error).__name__}: {error}")
        return Accepted("gone")


class Asked:
    def __init__(self, to: str) -> None:
        self.to = to


def main() -> None:
    inbox, *recipients = sys.argv[1:]
    local_worker.install()
    settings = channel_settings(aws_ses_endpoint_url=inbox)
    channel: Any = local_worker.restricted("leaving", Leaving)(settings)
    try:
        channel.rate()
    except OSError as error:
        print("rate", "refused" if isinstance(error, local_worker.RemoteAccessRefused) else error)
    for number, to in enumerate(recipients, 1):
        [outcome] = channel.send([Message(UUID(int=number), 1, Asked(to), f"text of {to}")])
        print(to, outcome)
    channel.close()
    try:
        socket.getaddrinfo("::1", 80)
        subprocess.run(["true"], check=True)
    finally:
        print("others", "free")


if __name__ == "__main__":
    main()
