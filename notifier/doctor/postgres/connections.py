"""Whether the server has room for the connections of the processes, and which pooler is between."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from notifier.doctor.finding import CheckEnded, Finding, good, wrong
from notifier.doctor.postgres import PAGE, need_server
from notifier.doctor.postgres.schema import login_rights
from notifier.doctor.setup import Setup
from notifier.outbox.inspection.server import DatabaseServer

NEEDED = {"bridge": 23, "feedback": 5, "worker": 7, "console": 7, "preferences": 4, "status-sender": 3}
"""Connections that one process takes at most, with its default concurrency and one destination of status updates. All
but console and preferences take one of them for the readiness check of NOTIFIER_METRICS_PORT."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """At most `most` connections, of which `taken` are open, `ours` of them by Notifier. `needed` are those of one
    process of each kind for which the limit holds.
    """

    name: str
    most: int
    taken: int
    ours: int
    needed: Mapping[str, int]

    @property
    def others(self) -> int:
        return max(0, self.taken - self.ours)

    @property
    def least(self) -> int:
        """The lowest limit that would be enough."""
        return self.others + sum(self.needed.values())


def check_connections(setup: Setup) -> Iterator[Finding]:
    """Find whether one process of each kind can connect."""
    found = need_server(setup)
    yield pooler(found) if found.pooled else room(found, _of_login(setup))


def pooler(found: DatabaseServer) -> Finding:
    """Return what is known of the pooler."""
    mode = "in transaction mode" if found.shares_sessions else "in session mode, or one that only we use now"
    prepared = "keeps" if found.keeps_prepared else "does not keep"
    return good(f"a pooler is between, {mode}: our settings hold in it, and it {prepared} prepared statements")


def room(found: DatabaseServer, of_login: Mapping[str, int]) -> Finding:
    """Return whether the connections that are left are enough for one process of each kind, by the narrowest limit.

    `of_login` is what the processes need that use this login.
    """
    limit = min(_limits(found, of_login), key=lambda each: each.most - each.least)
    needed = sum(limit.needed.values())
    one = "one of each process" if limit.needed == NEEDED else " and ".join(f"one {each}" for each in limit.needed)
    if limit.most >= limit.least:
        return good(
            f"{limit.name} allows us {limit.most:,} connections, of which {limit.taken:,} are taken; "
            f"{needed} are needed for {one}"
        )
    each = ", ".join(f"{process} {count}" for process, count in limit.needed.items())
    return wrong(
        f"{limit.name} allows us {limit.most:,} connections, of which others have {limit.others:,}: too few for "
        f"{one}, {needed} ({each})",
        f"raise {limit.name} to {limit.least} or more, or put PgBouncer between",
        PAGE,
    )


def _of_login(setup: Setup) -> Mapping[str, int]:
    """Return what one process takes of each kind that uses this login: of all, if the login does not say."""
    try:
        found = setup.need(login_rights, "the rights of the login")
    except CheckEnded:
        return NEEDED
    granted = {role.removeprefix("notifier_").replace("_", "-") for role in found.granted}
    of_roles = {process: count for process, count in NEEDED.items() if process in granted}
    return NEEDED if found.is_owner else of_roles or NEEDED


def _limits(found: DatabaseServer, of_login: Mapping[str, int]) -> Iterator[_Limit]:
    """Yield the limits of the connections of this login."""
    reserved = sum(
        int(found.options.get(name, 0)) for name in ("superuser_reserved_connections", "reserved_connections")
    )
    most = int(found.options["max_connections"]) - reserved
    yield _Limit("max_connections", most, found.connections, found.ours, NEEDED)
    if found.role_limit >= 0:
        name = f"the CONNECTION LIMIT of the login {found.login}"
        yield _Limit(name, found.role_limit, found.login_connections, found.login_ours, of_login)
    if found.database_limit >= 0:
        name = "the CONNECTION LIMIT of the database"
        yield _Limit(name, found.database_limit, found.database_connections, found.database_ours, NEEDED)
