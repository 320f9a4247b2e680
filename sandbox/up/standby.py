"""A bridge or a worker that waits, with all libraries imported: `python -m sandbox.up.standby ROLE FD`.

After the first message on the socket FD it loads the user's code and answers with what it found; after the second it
becomes `notifier ROLE`; after the third, when the process before has ended, it begins. A bridge connects and checks
its tables before that. So a saved change runs within a second, in a process that never loaded the earlier version.
"""

import gc
import importlib
import json
import os
import socket
import sys
import sysconfig
import traceback
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from notifier.channels import substitute
from notifier.cli import main as command
from notifier.database.schema import schema_head
from notifier.errors import NotifierError
from notifier.process.own_packages import PACKAGES
from notifier.settings import load_settings
from sandbox import local_worker
from sandbox.system import checked_setup

_BOTH = ("notifier.cli.lazy", "notifier.process.first_process", "workers.channels.ses.channel", "encodings.idna")
_CELERY = (
    "celery.apps.worker",
    "celery.concurrency.thread",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery_units.consumer",
    "celery_units.redis.transport",
    "celery_units.strategy",
    "psutil",
)
"""What Celery and its parts import when a worker begins."""
_LIBRARIES = {
    "bridge": (*_BOTH, "bridge.command"),
    "worker": (*_BOTH, "workers.command", "workers.app", *_CELERY),
}
_OURS = PACKAGES - {"examples"} | {"__main__"}
_INSTALLED = tuple(str(Path(path).resolve()) for path in {*sysconfig.get_paths().values(), sys.prefix})


class Link:
    """One end of the socket: objects of JSON, one a line."""

    def __init__(self, end: socket.socket) -> None:
        self._file = end.makefile("rwb", buffering=0)

    def send(self, message: dict[str, Any]) -> None:
        self._file.write(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any]:
        """Return the next object. End this process if the other end is closed."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise SystemExit(0)
        found: dict[str, Any] = json.loads(line)
        return found

    def wait(self) -> None:
        """Return when the next object has come. End this process if the other end is closed."""
        self.receive()


def prepare(role: str) -> None:
    """Do what does not depend on the user's code: import the libraries, and read what is read once in a process."""
    for module in _LIBRARIES[role]:
        importlib.import_module(module)
    schema_head()
    if role == "bridge":
        from bridge.stream.client import StreamsClient  # only here: a worker does without the modules of bridges

        with suppress(NotifierError):  # a setting is wrong: `loaded` says so
            StreamsClient(load_settings())
    gc.collect()
    gc.freeze()


def loaded(libraries: Container[str] = ()) -> dict[str, Any]:
    """Load the user's code. Return what it has, or the `error`; in both cases the `files` it was read from.

    Modules named in `libraries` are not the user's.
    """
    try:
        routes, templates = checked_setup()
    except NotifierError as error:
        return {"error": str(error), "files": sorted({*user_files(libraries), *files_of(error)})}
    return {
        "tables": sorted({route.table for route in routes}),
        "channels": sorted({each for route in routes for each in route.channels}),
        "templates": str(templates),
        "files": sorted(user_files(libraries)),
    }


def user_files(libraries: Container[str] = ()) -> Iterator[str]:
    """Yield the files of all imported modules that are neither `libraries`, nor installed in this environment, nor
    ours.
    """
    for name, module in list(sys.modules.items()):
        if name in libraries:
            continue
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and name.partition(".")[0] not in _OURS and _is_users(file):
            yield str(Path(file).absolute())


def files_of(error: BaseException | None) -> Iterator[str]:
    """Yield the user's files that the traceback of an error and of its causes names."""
    while error is not None:
        if isinstance(error, SyntaxError) and error.filename and _is_users(error.filename):
            yield str(Path(error.filename).absolute())
        frames = (each.filename for each in traceback.extract_tb(error.__traceback__))
        ours = str(Path(__file__).parents[2])
        yield from (str(Path(each).absolute()) for each in frames if _is_users(each) and not each.startswith(ours))
        error = error.__cause__


def _is_users(file: str) -> bool:
    return file.endswith(".py") and not str(Path(file).resolve()).startswith(_INSTALLED)


def main() -> None:
    role, number = sys.argv[1], int(sys.argv[2])
    link = Link(socket.socket(fileno=number))
    if role == "worker":
        local_worker.install()
        substitute(local_worker.restricted)
    prepare(role)
    libraries = frozenset(sys.modules)
    # The cache of a module is taken for current if the file has the same size and was saved in the same second.
    sys.dont_write_bytecode = True
    link.send({"imported": True})
    os.environ.update(link.receive()["environment"])
    load_settings.cache_clear()
    link.send(loaded(libraries))
    sys.argv = ["notifier", *link.receive()["words"]]
    if role == "bridge":
        from bridge.command import run

        command(lambda: run(before_start=link.wait))
    else:
        link.wait()
        command()


if __name__ == "__main__":
    main()
