"""Which rights the login of a database has, of those that the processes need."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from notifier.outbox.roles import FUNCTIONS, ROLES
from notifier.outbox.statements import statement

_MISSING = statement(__package__, "missing_rights.sql")
_LOGIN = statement(__package__, "read_login.sql")
_PRIVILEGE = re.compile(r"([A-Z]+)(?:\s*\(([^)]*)\))?")

_Right = tuple[str, str, str, str]
"""Role, table or function, column or an empty text, privilege."""


@dataclass(frozen=True, slots=True)
class LoginRights:
    """The rights of a login. `granted` are the roles that it is or has been granted; `missing` is, by role, what
    it lacks for that role's process: nothing if it may do all of it.
    """

    is_owner: bool
    granted: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...]]


def read_rights(engine: Engine) -> LoginRights:
    """Return the rights of the engine's login. Raise DatabaseError."""
    roles, things, attributes, privileges = zip(*_needed(), strict=True)
    columns = {"roles": roles, "things": things, "attributes": attributes, "privileges": privileges}
    with engine.connect() as connection:
        login = connection.execute(_LOGIN, {"roles": list(ROLES)}).one()
        rows = connection.execute(_MISSING, {name: list(values) for name, values in columns.items()}).all()
    missing: dict[str, list[str]] = {role: [] for role in ROLES}
    for row in rows:
        column = f" ({row.attribute})" if row.attribute else ""
        missing[row.role].append(f"{row.privilege}{column} ON {row.thing}")
    return LoginRights(login.is_owner, tuple(login.roles), {role: tuple(sorted(m)) for role, m in missing.items()})


def _needed() -> Iterator[_Right]:
    for role, grants in ROLES.items():
        for table, privileges in grants.items():
            for found in _PRIVILEGE.finditer(privileges):
                for column in (found[2] or "").split(","):
                    yield role, table, column.strip(), found[1]
        for function in FUNCTIONS.get(role, ()):
            yield role, function, "", "EXECUTE"
