"""Whether Postgres answers, takes writes, keeps what it commits, and how long it lets a session wait."""

from collections.abc import Iterator

from notifier.database.server import check_durable
from notifier.database.url import shown
from notifier.doctor.finding import Finding, doubtful, good, wrong
from notifier.doctor.postgres import PAGE, database, server
from notifier.doctor.setup import Setup
from notifier.errors import SettingsError
from notifier.outbox.inspection.server import DatabaseServer

_OLDEST = 15
_LISTING_SECONDS = 120
_LOCK_SECONDS = 5
_IDLE_SECONDS = 60
_MS = 1000


def check_server(setup: Setup) -> Iterator[Finding]:
    """Find whether the server answers, which version it is, and whether it is the one that takes writes."""
    engine = setup.get(database)
    found = setup.get(server)
    yield _version(found, shown(engine.url))
    if found.standby or found.read_only:
        what = "a standby" if found.standby else "read only"
        yield wrong(
            f"this server is {what}: it takes no writes",
            "name the primary in NOTIFIER_DATABASE_URL, or all servers: postgresql://user:password@one:5432,two:5432/db",
            PAGE,
        )
    try:
        check_durable(engine)
    except SettingsError as error:
        yield _not_durable(str(error), allowed=setup.settings.allow_nondurable_database)
    else:
        yield good("what it commits it keeps: fsync and synchronous_commit are on in our sessions")
    yield from standbys(found)
    yield from timeouts(found)


def standbys(found: DatabaseServer) -> Iterator[Finding]:
    """Yield a finding if a failover may lose commits."""
    names = found.options.get("synchronous_standby_names")
    if found.standbys and names is not None and not names.strip():
        yield doubtful(
            f"of its {found.standbys} standbys none is synchronous: after a failover mails may be sent a second time",
            "set synchronous_standby_names if that is not acceptable",
            PAGE,
        )


def timeouts(found: DatabaseServer) -> Iterator[Finding]:
    """Yield the server's timeouts that end what our processes do. Those that a session sets itself do not count."""
    limits = {
        "transaction_timeout": (_LISTING_SECONDS, "it ends bridges while they list shards, and migrations"),
        "lock_timeout": (_LOCK_SECONDS, "statements that wait for another one fail, and are tried again and again"),
        "idle_session_timeout": (_IDLE_SECONDS, "it closes sessions that processes keep for their next statement"),
    }
    short = [
        (name, milliseconds, why)
        for name, (least, why) in limits.items()
        if 0 < (milliseconds := int(found.options.get(name, 0))) < least * _MS
    ]
    for name, milliseconds, why in short:
        judged = wrong if name == "transaction_timeout" else doubtful
        least = limits[name][0]
        yield judged(
            f"{name} is {milliseconds / _MS:g} s: {why}",
            f"ALTER ROLE {found.login} SET {name} = 0; or {least}s and more",
            PAGE,
        )
    if not short:
        yield good("no timeout of the server ends what our processes do")


def _version(found: DatabaseServer, where: str) -> Finding:
    version = found.version.split()[0]
    if found.number // 10_000 < _OLDEST:
        return doubtful(
            f"Postgres {version} at {where}: it gets no more corrections, and Notifier was never tried with it",
            f"take Postgres {_OLDEST} or newer",
            PAGE,
        )
    return good(f"Postgres {version} answers at {where}")


def _not_durable(text: str, *, allowed: bool) -> Finding:
    what, _, remedy = text.partition(": ")
    if allowed:
        return doubtful(f"{what}, which NOTIFIER_ALLOW_NONDURABLE_DATABASE allows", remedy, PAGE)
    return wrong(what, remedy, PAGE)
