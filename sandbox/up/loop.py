"""What `notifier up` prints while its system runs."""

import re
import shlex
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from notifier.cli.terminal.output import say
from notifier.database.engine import connect
from notifier.routes import Routes
from notifier.settings import unknown_variables
from sandbox.failures import Failures
from sandbox.system import ROUTES, System
from sandbox.unrouted import Unrouted
from sandbox.up.pages import PAGES, OpenPage
from sandbox.up.reload import Reloader

_TICK_SECONDS = 0.1
_NAMED_ROUTES = 8
"""Names of routes in the first lines; of more, their number."""
_AS_ROOT = "superuser privileges"
"""In a warning of Celery at each start of a worker by root, as in a container."""
_INDENT = " " * 9
_LOG_LINE = re.compile(r"^(\w+): \d{4}-\d\d-\d\dT[\d:.]+Z \[(\w+) *\] +")
_OF_ROUTE = re.compile(r'\] route failed |"event": ?"route failed"')
"""In the log of a worker; `Failures` yields the same failure with the command that shows more."""
_OF_PROCESS = re.compile(r"\bprocess=\w+ ?")
_TICKS_TO_LOOK = 5
"""Logs and failures are looked at every so many ticks."""


def page_rows(pages: Sequence[OpenPage]) -> list[tuple[str, str]]:
    """Return name, address and note of each page; for one that is not installed, how to install it."""
    missing = [each.name for each in PAGES if not each.is_installed]
    return [
        *((each.name, f"{each.url}{each.note}") for each in pages),
        *((name, f"not installed: pip install 'dynamodb-notifier[{name}]'") for name in missing),
    ]


def routes_row(routes: Routes, options: Mapping[str, str]) -> tuple[str, str]:
    """Return name and text of the line that says which routes run. `options` are the user's variables."""
    module = options.get("NOTIFIER_ROUTES")
    names = [each.name for each in routes]
    shown = ", ".join(names[:_NAMED_ROUTES])
    more = f" and {len(names) - _NAMED_ROUTES} more" if len(names) > _NAMED_ROUTES else ""
    example = "" if module else "; these are the example's: set NOTIFIER_ROUTES for your own"
    return "routes", f"{module or ROUTES} ({routes.source}): {shown}{more}{example}"


def greeting(rows: Sequence[tuple[str, str]], data: Path | None = None) -> list[str]:
    """Return the lines that say where to look, which are the `rows`, and what to do next."""
    width = max(len(name) for name, _ in rows)
    named = f" --data {shlex.quote(str(data))}" if data else ""
    return [
        "",
        *(f"  {name:<{width}} {text}" for name, text in rows),
        "",
        f'In another terminal:  eval "$(notifier env{named})"',
        "Failures, warnings and errors follow here. Ctrl-C stops everything.",
        "",
    ]


def watch(system: System, pages: Sequence[OpenPage], reloader: Reloader | None = None) -> None:
    """Print what happens, and take over saved changes, until an exception ends it: KeyboardInterrupt, for example.

    Raise NotifierError if a process of the system has ended.
    """
    unknown = unknown_variables(system.environment)
    engine = connect(system.postgres.url("notifier"), application="notifier up")
    failures = Failures(engine)
    unrouted = Unrouted(engine, lambda: system.settings.tables)
    ended: set[str] = set()
    tick = 0
    while True:
        for line in _reload_lines(reloader, failures) if reloader else ():
            say(entry(line, _now(), _columns()), err=True)
        if tick % _TICKS_TO_LOOK == 0:
            warnings = _without(unknown, system.new_warnings())
            for line in (*warnings, *failures.lines(), *unrouted.lines(), *_ended(pages, ended)):
                say(entry(line, _now(), _columns()), err=True)
            system.check(without=reloader.running if reloader else ())
        tick += 1
        time.sleep(reloader.pause if reloader else _TICK_SECONDS)


def _reload_lines(reloader: Reloader, failures: Failures) -> Iterator[str]:
    """Yield what the reloader has to say, and before it all failures until then, which are those of the old code."""
    if lines := list(reloader.step()):
        yield from failures.lines(held=True)
        yield from lines


def _ended(pages: Sequence[OpenPage], known: set[str]) -> Iterator[str]:
    """Yield a line for each page whose process has ended. The system goes on without it."""
    for page in pages:
        if page.name not in known and page.process.exit_code is not None:
            known.add(page.name)
            yield f"{page.name} ended with {page.process.exit_code}; see: {page.process.log}"


def _without(unknown: Mapping[str, str], lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines without the warnings of unknown variables, which the command printed when it started, and
    without what it says to root and what `Failures` yields, too.
    """
    named = (*unknown.values(), _AS_ROOT)
    return (line for line in lines if not any(each in line for each in named) and not _OF_ROUTE.search(line))


def entry(text: str, now: str, columns: int | None) -> str:
    """Return what is printed of a text that was found at this time, with its lines indented.

    The time and the name of the process in a line of a log are left out: they are there already. `columns` is the
    width of the terminal, None for no wrapping.
    """
    first, *rest = text.splitlines() or [""]
    first = _LOG_LINE.sub(r"\1: \2: ", first)
    lines = [" ".join(_OF_PROCESS.sub("", first).split()) if _LOG_LINE.match(text) else first, *rest]
    blocks = [_wrapped(line, columns) for line in lines]
    return f"{now} " + f"\n{_INDENT}".join(line for block in blocks for line in block)


def _wrapped(line: str, columns: int | None) -> list[str]:
    """Return the line in parts that fit. A word is never broken, so that ids and paths can be copied."""
    if columns is None:
        return [line]
    width = max(columns - len(_INDENT), 20)
    return textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) or [""]


def _columns() -> int | None:
    return shutil.get_terminal_size().columns if sys.stderr.isatty() else None


def _now() -> str:
    return time.strftime("%H:%M:%S")
