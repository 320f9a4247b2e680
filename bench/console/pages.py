"""Measures each page of a console on a database with a history."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine

from bench.console.questions import Ask, Questions
from bench.console.site import Site, running_console
from bench.console.times import Times
from bench.figures.screen import say
from bench.history.history import History
from notifier.database.engine import connect
from notifier.notifications import Status, first_id
from notifier.outbox import Report, Search, Selection
from web.console import pages as console_pages
from web.console.page import pages_of

_SOME = 300
"""Notifications that are looked at, one at a time."""


def measured_pages(
    folder: Path, url: str, history: History, times: int, seed: int, only: str = ""
) -> Mapping[str, Times]:
    """Ask each question `times` times, and print a line for each as it is done. `only`: a part of its name."""
    chance = random.Random(seed)  # noqa: S311
    endpoints = [each for page in pages_of(console_pages) for each in page.endpoints]
    engine = connect(url)
    try:
        questions = Questions(history, _ids(engine, history, chance), chance).of(endpoints)
    finally:
        engine.dispose()
    environment = {
        "NOTIFIER_DATABASE_URL": url,
        "NOTIFIER_CONSOLE_IDLE_MINUTES": "600",
        "NOTIFIER_CONSOLE_PAGES_PER_SECOND": "0",
    }
    with running_console(folder, environment) as site:
        return {name: _measured(site, name, ask, times) for name, ask in questions.items() if only in name}


def _measured(site: Site, name: str, ask: Ask, times: int) -> Times:
    site.get(ask())  # compiles the template and the statements' plans
    before = site.cpu()
    found = Times.of([_seconds(site.get, ask()) for _ in range(times)], site.cpu() - before)
    mark = "  slow" if found.is_slow else ""
    say(f"{name:54}{found.p50_ms:9,.1f}{found.p95_ms:9,.1f}{found.longest_ms:9,.1f}{found.cpu_ms:9,.1f}{mark}")
    return found


def _seconds(get: Callable[[str], object], address: str) -> float:
    began = time.perf_counter()
    get(address)
    return time.perf_counter() - began


def _ids(engine: Engine, history: History, chance: random.Random) -> Sequence[UUID]:
    """Return ids of all days, and of some that failed."""
    report, found = Report(engine), []
    for _ in range(_SOME):
        moment = datetime.now(UTC) - timedelta(days=chance.uniform(0, history.days))
        found += report.ids(first_id(int(moment.timestamp() * 1000)), first_id((1 << 48) - 1), 1)
    failed = Search(engine).page(Selection(), [Status.FAILED], limit=_SOME // 10).rows
    return [*found, *(row["notification_id"] for row in failed)]
