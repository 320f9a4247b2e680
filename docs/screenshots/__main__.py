"""Draws the pictures, or those of the pages that are named: `python -m docs.screenshots overview shards`."""

import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docs.screenshots import sample
from docs.screenshots.pictures import FOLDER, PNGQUANT, draw
from docs.screenshots.serving import CHROMIUM, chromium, serving
from notifier.database.schema import migrate
from notifier.outbox import read_throughput
from notifier.settings import ConsoleSettings, read_settings
from sandbox.embedded.postgres import embedded_postgres
from web.console.access.passwords import hashed
from web.console.access.role import Role, User
from web.console.access.users import StoredUser, UserFile
from web.console.app import Console, application
from web.console.server import console_engine


def main() -> None:
    if not CHROMIUM:
        sys.exit("there is no Chromium on this machine: apt-get install chromium")
    if not PNGQUANT:
        print("without pngquant the pictures are three times as large: apt-get install pngquant", file=sys.stderr)
    logging.disable(logging.ERROR)  # the sample has duplicates and gaps, which are logged as such
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, _settings(Path(folder)) as settings, chromium() as browser:
        engine = console_engine(settings)
        app = application(settings, engine, console_engine(settings, pool_size=1))
        console: Console = app.state.console
        minutes = console.watch.minutes
        minutes.add(read_throughput(engine), time.time() - 3600)
        found = sample.fill(engine, lambda ago: minutes.add(read_throughput(engine), time.time() - ago * 60))
        console.watch.prove()
        with serving(app) as url:
            for path in draw(browser, url, console, found, _user(settings), sys.argv[1:]):
                print(f"{path.relative_to(FOLDER.parent)}: {path.stat().st_size / 1024:.0f} KB")


@contextmanager
def _settings(folder: Path) -> Iterator[ConsoleSettings]:
    """An empty database, and a console with a user."""
    os.environ["NOTIFIER_ALLOW_NONDURABLE_DATABASE"] = "true"
    with embedded_postgres(folder, durable=False) as server:
        server.create_database("notifier")
        migrate(server.url("notifier"))
        os.environ["NOTIFIER_DATABASE_URL"] = server.url("notifier")
        os.environ["NOTIFIER_CONSOLE_USERS"] = str(folder / "users")
        os.environ["NOTIFIER_CONSOLE_PAGES_PER_SECOND"] = "0"
        os.environ.update(NOTIFIER_ROUTES="examples.notifications", NOTIFIER_TEMPLATES="examples/templates")
        yield read_settings(ConsoleSettings)


def _user(settings: ConsoleSettings) -> User:
    """Add a user to the console's file, and sign them in."""
    password, users = secrets.token_hex(), UserFile(Path(settings.console_users))
    users.put(StoredUser("eva", Role.ADMIN, hashed(password)))
    found = users.sign_in("eva", password)
    if found is None:
        raise RuntimeError("the user that was added cannot sign in")
    return found


if __name__ == "__main__":
    main()
