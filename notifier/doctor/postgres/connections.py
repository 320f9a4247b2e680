"""Whether the server has room for the connections of the processes, and which pooler is between."""

from collections.abc import Iterator

from notifier.doctor.finding import Finding, good, wrong
from notifier.doctor.postgres import PAGE, need_server
from notifier.doctor.setup import Setup
from notifier.outbox.inspection.server import DatabaseServer

NEEDED = {"bridge": 23, "feedback": 5, "worker": 7, "console": 6, "preferences": 4, "status-sender": 3}
"""Connections that one process takes at most, with its default concurrency and one destination of status updates. All
but console and preferences take one of them for the readiness check of NOTIFIER_METRICS_PORT."""


def check_connections(setup: Setup) -> Iterator[Finding]:
    """Find whether one process of each kind can connect."""
    found = need_server(setup)
    yield pooler(found) if found.pooled else room(found)


def pooler(found: DatabaseServer) -> Finding:
    """Return what is known of the pooler."""
    mode = "in transaction mode" if found.shares_sessions else "in session mode, or one that only we use now"
    prepared = "keeps" if found.keeps_prepared else "does not keep"
    return good(f"a pooler is between, {mode}: our settings hold in it, and it {prepared} prepared statements")


def room(found: DatabaseServer) -> Finding:
    """Return whether the connections that are left are enough for one process of each kind."""
    limit, name = _limit(found)
    needed = sum(NEEDED.values())
    others = max(0, found.connections - found.ours)
    each = ", ".join(f"{process} {count}" for process, count in NEEDED.items())
    if limit - others >= needed:
        return good(
            f"{name} allows us {limit:,} connections, of which {found.connections:,} are taken; one of each process "
            f"takes {needed}"
        )
    return wrong(
        f"{name} allows us {limit:,} connections, of which others have {others:,}: too few for one of each process, "
        f"{needed} ({each})",
        f"raise {name} to {others + needed} or more, or put PgBouncer between",
        PAGE,
    )


def _limit(found: DatabaseServer) -> tuple[int, str]:
    """Return the connections that this login may open, and the option that says so."""
    reserved = sum(
        int(found.options.get(name, 0)) for name in ("superuser_reserved_connections", "reserved_connections")
    )
    limits = {"max_connections": int(found.options["max_connections"]) - reserved}
    if found.role_limit >= 0:
        limits[f"the CONNECTION LIMIT of the login {found.login}"] = found.role_limit
    if found.database_limit >= 0:
        limits["the CONNECTION LIMIT of the database"] = found.database_limit
    name = min(limits, key=lambda each: limits[each])
    return limits[name], name
