"""What `notifier up` prints while its system runs."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from notifier.cli.terminal.output import say
from notifier.database.engine import connect
from notifier.settings import unknown_variables
from sandbox.failures import Failures
from sandbox.system import System
from sandbox.up.pages import PAGES, OpenPage
from sandbox.up.reload import Reloader

_TICK_SECONDS = 0.1
_TICKS_TO_LOOK = 5
"""Logs and failures are looked at every so many ticks."""


def greeting(system: System, pages: Sequence[OpenPage], data: Path | None, *, logs_kept: bool) -> list[str]:
    """Return the lines that say what runs, where to look at it, and what to do next."""
    opened = [("inbox", system.ses.url), *((each.name, each.url) for each in pages)]
    missing = [
        (each.name, f"not installed: pip install 'dynamodb-notifier[{each.name}]'")
        for each in PAGES
        if not each.is_installed
    ]
    kept = str(data) if data else "removed at the end; --data FOLDER keeps them"
    logs = str(system.folder) + ("" if logs_kept else " (removed at the end)")
    rows = [*opened, *(missing if pages or missing else ()), ("data", kept), ("logs", logs)]
    return [
        "",
        *(f"  {name:<8} {text}" for name, text in rows),
        "",
        'In another terminal:  eval "$(notifier env)"' if not data else f"In another terminal:  {_env(data)}",
        "Failures, warnings and errors follow here. Ctrl-C stops everything.",
        "",
    ]


def _env(data: Path) -> str:
    import shlex

    return f'eval "$(notifier env --data {shlex.quote(str(data))})"'


def watch(system: System, pages: Sequence[OpenPage], reloader: Reloader | None = None) -> None:
    """Print what happens, and take over saved changes, until an exception ends it: KeyboardInterrupt, for example.

    Raise NotifierError if a process of the system has ended.
    """
    unknown = unknown_variables(system.environment)
    failures = Failures(connect(system.postgres.url("notifier"), application="notifier up"))
    ended: set[str] = set()
    tick = 0
    while True:
        for line in reloader.step() if reloader else ():
            say(f"{_now()} {line}", err=True)
        if tick % _TICKS_TO_LOOK == 0:
            for line in (*_without(unknown, system.new_warnings()), *failures.lines(), *_ended(pages, ended)):
                say(f"{_now()} {line}", err=True)
            system.check()
        tick += 1
        time.sleep(_TICK_SECONDS)


def _ended(pages: Sequence[OpenPage], known: set[str]) -> Iterator[str]:
    """Yield a line for each page whose process has ended. The system goes on without it."""
    for page in pages:
        if page.name not in known and page.process.exit_code is not None:
            known.add(page.name)
            yield f"{page.name} ended with {page.process.exit_code}; see: {page.process.log}"


def _without(unknown: Mapping[str, str], lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines without the warnings of unknown variables, which the command printed when it started."""
    return (line for line in lines if not any(warning in line for warning in unknown.values()))


def _now() -> str:
    return time.strftime("%H:%M:%S")
