"""The server of a benchmark with a history, and a folder that keeps both from one run to the next.

To make ten million notifications takes many times as long as to measure something on them.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.figures.screen import say
from bench.history.history import History, make_history
from notifier.errors import UsageError
from sandbox.embedded.postgres import PostgresServer, embedded_postgres
from sandbox.up.data_folder import data_folder

DATABASE = "notifier"
_DESCRIPTION = "history.json"


@contextmanager
def server_with_history(
    folder: Path, rows: int, days: int, keep: Path | None = None, add: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[str, History]]:
    """A server whose database has a history, and what `add` adds to it, given its URL. Yields that URL too.

    `folder` is for the logs. With `keep` the data are in that folder: a later run with the same folder uses them
    again. Raise UsageError if that has another history, or one of another day (UTC): what is measured of today would
    be measured of a day that is over.
    """
    if keep is None:
        with embedded_postgres(folder) as postgres:
            yield _made(postgres, rows, days, add)
        return
    with data_folder(keep) as data:
        description, wanted = data.path / _DESCRIPTION, _description(rows, days)
        made = description.exists()
        if made and (found := json.loads(description.read_text())) != wanted:
            raise UsageError(f"{keep} has {found}, not {wanted}: delete it, or name another folder")
        with embedded_postgres(folder, kept=data.server("postgres")) as postgres:
            if made:
                yield postgres.url(DATABASE), History(rows, days)
                return
            found_url = _made(postgres, rows, days, add)
            description.write_text(json.dumps(wanted))
            yield found_url


def _description(rows: int, days: int) -> dict[str, object]:
    return {"rows": rows, "days": days, "until": f"{datetime.now(UTC):%Y-%m-%d}"}


def _made(postgres: PostgresServer, rows: int, days: int, add: Callable[[str], None]) -> tuple[str, History]:
    """Make the history in a new database; that of a run which was interrupted is dropped."""
    postgres.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    postgres.create_database(DATABASE)
    url, began = postgres.url(DATABASE), time.monotonic()
    history = make_history(url, rows, days, say)
    add(url)
    say(f"{rows:,} notifications of {days} days were made in {time.monotonic() - began:,.0f} s")
    return url, history
