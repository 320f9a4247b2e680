"""Whether the disk of Postgres has room for the days that are kept."""

import ipaddress
import shutil
from collections.abc import Iterator
from pathlib import Path

from notifier.doctor.finding import Finding, doubtful, good, not_known, wrong
from notifier.doctor.postgres import database, need_migrated, need_server
from notifier.doctor.setup import Setup
from notifier.outbox.inspection.recent_days import RecentDay, recent_days

_LEAST_DAYS = 3
_LEAST_BYTES = 1_000_000_000
_GB = 1e9
_PAGE = "docs/retention.md"


def check_disk(setup: Setup) -> Iterator[Finding]:
    """Find how long the free disk lasts, if the server is on this machine and its login may see its folder."""
    folder = need_server(setup).options.get("data_directory")
    url = setup.get(database).url
    if not folder or not _is_here(url.host, str(url.query.get("host", ""))) or not Path(folder).is_dir():
        yield not_known(
            "how much disk Postgres has left: it is on another machine, or hides its folder from this login"
        )
        return
    days, free = recent_days(need_migrated(setup)), shutil.disk_usage(folder).free
    yield disk(free, need_server(setup).bytes, days, setup.settings.keep_days)


def disk(free: int, stored: int, days: list[RecentDay], keep_days: int) -> Finding:
    """Return whether `free` bytes are enough for the days that will be kept; `keep_days` 0 keeps all.

    `stored` are the bytes that the database has now.
    """
    daily = max((day.bytes for day in days if day.offset <= 0), default=0)
    left = f"{free / _GB:,.1f} GB of disk are free"
    if free < max(_LEAST_BYTES, _LEAST_DAYS * daily):
        return wrong(
            f"{left}; the largest of the last days took {daily / _GB:,.1f} GB",
            "make room now: a Postgres without disk stops, and damages nothing; or keep fewer days: notifier retain",
            _PAGE,
        )
    if keep_days and free < keep_days * daily - stored:
        return doubtful(
            f"{left}: too little for {keep_days} days like the largest of the last week ({daily / _GB:,.1f} GB)",
            "make room, or keep fewer days: NOTIFIER_KEEP_DAYS",
            _PAGE,
        )
    lasts = f", {free // daily:,} days like the largest of the last week" if daily else ""
    return good(f"{left} for Postgres{lasts}")


def _is_here(host: str | None, socket: str) -> bool:
    """Return whether the server is on this machine, by the host of its URL."""
    if socket.startswith("/"):
        return True
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
