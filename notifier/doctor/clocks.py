"""Whether the clocks of this machine, of the database and of AWS agree."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from notifier.doctor.aws.account import clock_of_aws
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, wrong
from notifier.doctor.postgres import database, need_server
from notifier.doctor.setup import Setup
from notifier.outbox.inspection.server import read_clock

_APART = timedelta(seconds=5)
_REFUSED = timedelta(seconds=240)
"""AWS refuses a signature whose time is 5 minutes from its own."""


def check_clocks(setup: Setup) -> Iterator[Finding]:
    """Find how far the clocks are apart. The database's is the one that counts for leases and retries."""
    try:
        yield against_aws(*setup.get(clock_of_aws))
    except CheckEnded as ended:
        yield ended.finding
    need_server(setup)
    engine = setup.get(database)
    read_clock(engine)  # connects, so that the next one measures one round trip
    before = datetime.now(UTC)
    theirs = read_clock(engine)
    after = datetime.now(UTC)
    yield against_database(before + (after - before) / 2, theirs)


def against_aws(ours: datetime, theirs: datetime) -> Finding:
    """Return whether AWS accepts requests that are signed with this machine's clock. Its own has whole seconds."""
    apart = abs(ours - theirs)
    if apart < _APART:
        return good("the clock of this machine is that of AWS")
    what = f"the clock of this machine is {_spoken(ours - theirs)} that of AWS"
    if apart < _REFUSED:
        return doubtful(f"{what}: from five minutes on AWS refuses all requests", "set it, with NTP")
    return wrong(f"{what}: AWS refuses requests that it signs", "set it, with NTP")


def against_database(ours: datetime, theirs: datetime) -> Finding:
    """Return whether this machine and the database agree about the time."""
    if abs(ours - theirs) < _APART:
        return good("the clock of this machine is that of the database")
    return doubtful(
        f"the clock of this machine is {_spoken(ours - theirs)} that of the database: times in logs do not fit, and "
        "those of NOTIFIER_NOT_BEFORE and expires_after are the database's",
        "set both, with NTP",
    )


def _spoken(apart: timedelta) -> str:
    return f"{abs(apart).total_seconds():,.0f} s {'ahead of' if apart > timedelta() else 'behind'}"
