"""Several sites, so that many points are tried at once: each has its own database, broker and simulators."""

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol
from urllib.parse import urlsplit

from sandbox.embedded.postgres import PostgresServer
from sandbox.embedded.ses import ses_simulator
from sandbox.embedded.streams import streams_simulator
from tests.conftest import GivenPostgres, administer
from tests.crash.faults import Point
from tests.crash.site import Site


class Told(Protocol):
    """What an oracle found, as text."""

    @property
    def good(self) -> bool: ...


class Trial(Protocol):
    """What is tried on a free site."""

    @property
    def points(self) -> Sequence[Point]: ...
    @property
    def name(self) -> str: ...
    def on(self, site: Site) -> Told: ...


@dataclass(frozen=True)
class Successive:
    """Processes one after another in the same environment, each with a fault."""

    points: Sequence[Point]
    name: str = ""

    def on(self, site: Site) -> Told:
        return site.judge_after(*self.points)

    def __str__(self) -> str:
        return "+".join(map(str, self.points)).replace(" ", "_")


@dataclass(frozen=True)
class Verdict:
    """What the oracle found, or the `error` that ended the trial, as when the point was never reached."""

    trial: Trial
    told: Told | None
    error: str
    seconds: float

    @property
    def good(self) -> bool:
        return self.told is not None and self.told.good

    def __str__(self) -> str:
        return f"{self.trial}: {self.told or self.error}"


class Sites:
    """Runs trials on whichever site is free."""

    def __init__(self, sites: Iterable[Site]) -> None:
        self._free: SimpleQueue[Site] = SimpleQueue()
        for site in sites:
            self._free.put(site)
        self._threads = ThreadPoolExecutor(self._free.qsize())

    def verdicts(self, trials: Iterable[Trial]) -> Iterator[Verdict]:
        """Yield verdicts in the order in which the trials end."""
        for done in as_completed([self._threads.submit(self._try, trial) for trial in trials]):
            yield done.result()

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def _try(self, trial: Trial) -> Verdict:
        site, began = self._free.get(), time.monotonic()
        told, error = None, ""
        try:
            told = trial.on(site)
        except Exception as failed:  # noqa: BLE001  a verdict, too
            error = f"{type(failed).__name__}: {failed}"
        finally:
            self._free.put(site)
        return Verdict(trial, told, error, time.monotonic() - began)


@contextmanager
def running_sites(
    postgres: PostgresServer | GivenPostgres, template: str, broker_url: str, folder: Path, number_of_sites: int
) -> Iterator[Sites]:
    """Sites on these servers. `template` is a database with our schema."""
    with ExitStack() as stack:
        made = [
            stack.enter_context(_site(postgres, template, _database_of(broker_url, number), folder / str(number)))
            for number in range(number_of_sites)
        ]
        found = Sites(made)
        stack.callback(found.close)
        yield found


@contextmanager
def _site(postgres: PostgresServer | GivenPostgres, template: str, broker_url: str, folder: Path) -> Iterator[Site]:
    folder.mkdir(parents=True)
    name = f"notifier_site_{secrets.token_hex(4)}"
    administer(postgres.url(), f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        with streams_simulator(folder) as streams, ses_simulator(folder) as ses:
            site = Site(postgres.url(name), broker_url, streams, ses, folder)
            try:
                yield site
            finally:
                site.close()
    finally:
        administer(postgres.url(), f"DROP DATABASE {name} WITH (FORCE)")


def _database_of(broker_url: str, number: int) -> str:
    """Redis numbers its databases."""
    return urlsplit(broker_url)._replace(path=f"/{number}").geturl()
