"""ministack: DynamoDB with streams, SQS, SNS and EventBridge on 127.0.0.1, for as long as a `with` block lasts."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

from notifier.errors import Unreachable
from sandbox.embedded.allocation import free_port, temporary_folder
from sandbox.embedded.kept import Kept
from sandbox.embedded.processes import Child

# It gets no other variables: it reads credentials, regions and about a hundred switches from its environment.
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

SERVICES = "dynamodb,dynamodbstreams,s3,sqs,sns,events"
"""What answers by default. Streams have requests of their own: dynamodb alone does not answer them."""


@contextmanager
def ministack(folder: Path, *, kept: Kept | None = None, services: str = SERVICES) -> Iterator["MinistackServer"]:
    """An emulator. Its log is in `folder`, its data in memory. With `kept`, it writes them to that folder when it
    ends, and reads them when it starts. `services`: those of AWS that answer, separated by commas; empty: all that
    it has. Raise Unreachable if it does not start.
    """
    if find_spec("ministack") is None:
        raise Unreachable(
            "no ministack: install dynamodb-notifier[simulators], or set NOTIFIER_AWS_ENDPOINT_URL to another "
            "emulator"
        )
    with temporary_folder() as home:
        server = MinistackServer(home, folder / "ministack.log", kept, services)
        try:
            server.start()
            yield server
        finally:
            server.stop()


class MinistackServer:
    """A server, running or stopped. It keeps its port across restarts, its data only in a folder of `kept`."""

    def __init__(self, home: Path, log: Path, kept: Kept | None = None, services: str = SERVICES) -> None:
        self.port = kept.port if kept else free_port()
        self._state = kept.home if kept else None
        self._home = home
        self._log = log
        self._services = services
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """None while it is stopped."""
        return self._child.pid if self._child else None

    def restart(self) -> None:
        """Stop and start it on the same port; its data are lost, unless they are kept."""
        self.stop()
        self.start()

    def start(self) -> None:
        # -P: a module in the working folder must not hide that of a library.
        module = "sandbox.embedded.ministack_with_streams" if self._state else "ministack"
        words = [sys.executable, "-P", "-m", module]
        self._child = Child("ministack", words, log=self._log, env=self._environment(), cwd=self._home)
        self._child.wait_until(self._is_ready)

    def stop(self) -> None:
        if self._child:
            self._child.stop()
            self._child = None

    def _environment(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return inherited | {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "SERVICES": self._services,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "1" if self._state else "0",
            "STATE_DIR": str(self._state or self._home),
            "DOCKER_HOST": f"unix://{self._home}/no-docker.sock",
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "LOG_LEVEL": "WARNING",
        }

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5.0)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()
