"""Roles of the console, and the people who have one."""

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


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who is signed in. The journal has the `name`.

    `source` says who vouches for them: local, users, oidc or proxy. `proof` changes when their password does.
    """

    name: str
    role: Role
    source: str = "local"
    proof: str = ""
