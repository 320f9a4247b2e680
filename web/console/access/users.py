"""Local users: a file with a line `name:role:hash` for each. It is read again when it changes."""

import os
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from notifier.errors import SettingsError, UsageError
from web.console.access.passwords import is_hash, is_right, proof
from web.console.access.role import Role, User

SOURCE = "users"
_NAME = re.compile(r"[\w.@+-]{1,64}")


@dataclass(frozen=True, slots=True)
class StoredUser:
    name: str
    role: Role
    hash: str

    def __str__(self) -> str:
        return f"{self.name}:{self.role.label}:{self.hash}"


class UserFile:
    """The users in a file, which may not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int, int], Mapping[str, StoredUser]] | None = None

    def all(self) -> Mapping[str, StoredUser]:
        """Return the users by name. Raise SettingsError if the file cannot be read or a line is wrong."""
        try:
            found = self._path.stat()
            state = (found.st_ino, found.st_mtime_ns, found.st_size)
            with self._lock:
                if self._read is None or self._read[0] != state:
                    self._read = (state, _parsed(self._path.read_text(), self._path))
                return self._read[1]
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"cannot read NOTIFIER_CONSOLE_USERS={self._path} ({type(error).__name__})") from None

    def sign_in(self, name: str, password: str) -> User | None:
        """Return the user of this name and password. None, after the same time, if there is none."""
        stored = self.all().get(name)
        if not is_right(password, stored.hash if stored else None) or stored is None:
            return None
        return User(stored.name, stored.role, SOURCE, proof(stored.hash))

    def is_current(self, user: User) -> bool:
        """Return whether the file still has this user, with the same role and password."""
        stored = self.all().get(user.name)
        return stored is not None and (stored.role, proof(stored.hash)) == (user.role, user.proof)

    def put(self, user: StoredUser) -> bool:
        """Add a user, or replace the one of this name. Return whether there was one."""
        if not _NAME.fullmatch(user.name):
            raise UsageError("a name has up to 64 letters, digits and . @ + - _")
        users = dict(self.all())
        existed = user.name in users
        self._write({**users, user.name: user})
        return existed

    def remove(self, name: str) -> bool:
        """Remove the user of this name, whose sessions end. Return whether there was one."""
        users = dict(self.all())
        if users.pop(name, None) is None:
            return False
        self._write(users)
        return True

    def _write(self, users: Mapping[str, StoredUser]) -> None:
        """Replace the file at once, readable by its owner only."""
        lines = "".join(f"{user}\n" for user in users.values())
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, prefix=".users-", delete=False) as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
            Path(file.name).replace(self._path)
        except OSError as error:
            raise SettingsError(f"cannot write NOTIFIER_CONSOLE_USERS={self._path} ({error.strerror})") from None


def _parsed(text: str, path: Path) -> Mapping[str, StoredUser]:
    users: dict[str, StoredUser] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        role, _, stored = rest.partition(":")
        if not _NAME.fullmatch(name) or role.upper() not in Role.__members__ or not is_hash(stored):
            raise SettingsError(
                f"line {number} of NOTIFIER_CONSOLE_USERS={path} is not NAME:ROLE:HASH: `notifier console-user` "
                "writes such lines"
            )
        users[name] = StoredUser(name, Role[role.upper()], stored)
    return users
