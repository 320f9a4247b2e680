"""Roles of the console, and the people who have one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What somebody may do. Each role may also do what those before it may.

    A viewer reads, with personal data masked. An operator acts and reveals. An admin also does what cannot be taken
    back for many people at once.
    """

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def label(self) -> str:
        return self.name.lower()


def highest(groups: Iterable[str], roles: Mapping[str, str]) -> Role | None:
    """Return the highest role of these groups, None if no group has one. The group `*` is everybody's."""
    found = [Role[roles[each].upper()] for each in (*groups, "*") if each in roles]
    return max(found, default=None)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is signed in. The journal has the `name`.

    `source` says how they were identified: local, users, oidc or proxy. `proof` changes when their password does.
    """

    name: str
    role: Role
    source: str = "local"
    proof: str = ""
