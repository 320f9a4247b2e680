"""Passwords of local users: only argon2id hashes are kept."""

import hashlib

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from notifier.errors import UsageError

LEAST_LENGTH = 12
_MOST_LENGTH = 1_000

_HASHER = PasswordHasher()
_UNUSED_HASH = _HASHER.hash("not the password of any user")


def fitting(password: str) -> str:
    """Return a new password as it is. Raise UsageError if it is too short or too long."""
    if not LEAST_LENGTH <= len(password) <= _MOST_LENGTH:
        raise UsageError(f"a password needs at least {LEAST_LENGTH} characters, and at most {_MOST_LENGTH:,}")
    return password


def hashed(password: str) -> str:
    """Return the hash of a new password. Raise UsageError if the password is too short or too long."""
    return _HASHER.hash(fitting(password))


def is_right(password: str, stored: str | None) -> bool:
    """Return whether the password is that of the hash. It takes as long for None, a user who does not exist."""
    try:
        matches = _HASHER.verify(stored or _UNUSED_HASH, password[:_MOST_LENGTH])
    except (VerificationError, InvalidHashError):
        return False
    return matches and stored is not None


def is_hash(text: str) -> bool:
    """Return whether a text looks like a hash that `hashed` returned."""
    return text.startswith("$argon2id$")


def proof(stored: str) -> str:
    """Return what changes with the password: a session that was begun with another one ends."""
    return hashlib.sha256(stored.encode()).hexdigest()[:16]
