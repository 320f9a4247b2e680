"""Whether the schema is this program's, and which processes the login may serve."""

from collections.abc import Iterator

from notifier.database.schema import schema_head
from notifier.doctor.finding import CheckEnded, Finding, doubtful, good, wrong
from notifier.doctor.postgres import migrated, need_migrated, need_server
from notifier.doctor.setup import Setup
from notifier.outbox.inspection.recent_days import RecentDay, recent_days
from notifier.outbox.inspection.rights import LoginRights, read_rights

WORKER = "notifier_worker"
STATUS_SENDER = "notifier_status_sender"
_PREFIX = "notifier_"
_SHOWN = 3


def check_migrations(setup: Setup) -> Iterator[Finding]:
    """Find whether all migrations of this program have run, and no newer one that it cannot work with."""
    need_server(setup)
    setup.get(migrated)
    yield good(f"this program, whose newest migration is {schema_head()}, runs on the schema")


def check_rights(setup: Setup) -> Iterator[Finding]:
    """Find the processes whose statements the login may run."""
    need_migrated(setup)
    yield rights(setup.get(login_rights), need_server(setup).login)


def check_days(setup: Setup) -> Iterator[Finding]:
    """Find whether today and tomorrow have their partitions."""
    yield days(recent_days(need_migrated(setup)))


def login_rights(setup: Setup) -> LoginRights:
    """Return the rights of the login. Raise what `migrated` raises, and DatabaseError."""
    return read_rights(setup.get(migrated))


def serves(setup: Setup, role: str) -> bool:
    """Return whether the login may be that of the role's process, so that its settings should be here. True also if
    its rights cannot be read.
    """
    try:
        found = setup.need(login_rights, "the rights of the login")
    except CheckEnded:
        return True
    return found.is_owner or role in found.granted or not found.missing[role]


def rights(found: LoginRights, login: str) -> Finding:
    """Return which processes can use this login."""
    page = "docs/security.md"
    if found.is_owner:
        return good(f"the login {login} owns the tables: every process can use it, and `notifier migrate`")
    broken = [role for role in found.granted if found.missing[role]]
    if broken:
        lacking = found.missing[broken[0]]
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        return wrong(
            f"the login {login} lacks rights of {broken[0]}: {', '.join(lacking[:_SHOWN])}{more}",
            "run `notifier migrate --roles` as the owner of the tables",
            page,
        )
    allowed = [role.removeprefix(_PREFIX) for role, lacking in found.missing.items() if not lacking]
    if not allowed:
        return wrong(
            f"the login {login} may do the work of no process",
            f"GRANT one of {', '.join(found.missing)} TO {login}, after `notifier migrate --roles`",
            page,
        )
    return good(f"the login {login} may do the work of {', '.join(allowed)}; each process has a role of its own")


def days(found: list[RecentDay]) -> Finding:
    """Return whether the partitions of today and tomorrow exist. Before the first bridge runs, no day has any."""
    lacking = [name for name, offset in (("today", 0), ("tomorrow", 1)) if not _exists(found, offset)]
    if not lacking:
        return good("today and tomorrow have their partitions")
    if not any(day.complete for day in found):
        return good("no day has partitions yet: a bridge makes them when it starts")
    judged = wrong if "today" in lacking else doubtful
    return judged(
        f"no partitions for {' and '.join(lacking)}: events of that day cannot be recorded",
        "start a bridge: it makes them for two days ahead; if one runs, see its log",
        "docs/retention.md",
    )


def _exists(found: list[RecentDay], offset: int) -> bool:
    return any(day.complete for day in found if day.offset == offset)
