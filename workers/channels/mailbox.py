"""One email address as SES and SMTP accept it: ASCII, one recipient, no character that could start another header."""

import re
from bisect import bisect_right
from collections.abc import Callable
from email.utils import formataddr
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from notifier.text import UNSEEN, trimmed
from workers.channels.domain import ascii_domain
from workers.channels.header import encoded_words, header_text

LONGEST_ON_WIRE = 320
"""Bytes of an address with its name, encoded: the limit of SES, which is the smallest."""
_LONGEST = 254
_LONGEST_LOCAL = 64
_LONGEST_GIVEN = 10_000

_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_PLAIN = re.compile(rf"(?=[^@]{{1,{_LONGEST_LOCAL}}}@){_ATOMS}@(?:{_LABEL}\.)+{_LABEL}")
_DOT_ATOM = re.compile(_ATOMS)
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_IN_BRACKETS = re.compile(r'<((?:"(?:[^"\\]|\\.)*"@)?[^<>"]*)>\Z', re.DOTALL)
_ANOTHER = re.compile(r"<[^<>@]*@[^<>]*>")
_UNSEEN = re.compile(f"[{UNSEEN}]")


class _ParsedAddress(NamedTuple):
    wire: str
    mailbox: str
    envelope: str


def wire_address(address: object) -> str:
    """Return `Zoë <zoe@bücher.example>` in ASCII: name by RFC 2047, domain in Punycode, unusual local parts quoted.

    A name is cut where the whole is longer than LONGEST_ON_WIRE. Raise ValueError, whose text does not repeat the
    address: it is personal.
    """
    if not isinstance(address, str):
        raise ValueError("is empty, or not a text")  # noqa: TRY004  one type of error for every invalid address
    return address if _is_plain(address) else _read(address).wire


def envelope_address(address: object) -> str:
    """Return the bare mailbox in ASCII, as commands of SMTP have it. Raise ValueError as `wire_address` does."""
    if not isinstance(address, str):
        raise ValueError("is empty, or not a text")  # noqa: TRY004  as above
    return address if _is_plain(address) else _read(address).envelope


def field_address(field: str, address: object, read: Callable[[object], str] = wire_address) -> str:
    """Return the address of a field of an `Email` as `read` returns it. Raise ValueError, which names the field."""
    try:
        return read(address)
    except ValueError as error:
        raise ValueError(f"the address in `{field}` {error}") from None


def mailbox_of(address: str) -> str:
    """Return the bare mailbox in lower case: the same for all spellings. What is no address is only stripped."""
    try:
        return address.lower() if _is_plain(address) else _read(address).mailbox
    except ValueError:
        return address.strip().lower()


def checked_mailbox(address: str) -> str:
    """Return the bare mailbox in lower case. Raise ValueError, a whole sentence, if it is not an address."""
    try:
        return address.lower() if _is_plain(address) else _read(address).mailbox
    except ValueError as error:
        raise ValueError(f"the address {error}") from None


def _is_plain(address: str) -> bool:
    """Return whether the address needs no encoding, as nearly all do."""
    return len(address) <= _LONGEST and _PLAIN.fullmatch(address) is not None


@lru_cache(maxsize=2_000)  # called twice for each message: for the suppression list, and for its request
def _read(given: str) -> _ParsedAddress:
    if len(given) > _LONGEST_GIVEN:
        raise ValueError(f"is longer than {_LONGEST_GIVEN:,} characters")
    address = trimmed(given)
    if not address:
        raise ValueError("is empty, or not a text")
    name, bare = _apart(address)
    local, domain = _mailbox(_UNSEEN.sub("", trimmed(bare)))
    quoted = local if _DOT_ATOM.fullmatch(local) else _in_quotes(local)
    # Without quotes where that is unambiguous: operators and earlier versions write it so.
    known_as = f"{local if _LOCAL.fullmatch(local) else quoted}@{domain}".lower()
    bare = f"{quoted}@{domain}"
    return _ParsedAddress(_with_name(name, bare), known_as, bare)


def _apart(address: str) -> tuple[str, str]:
    """Return the name, and the mailbox within the last angle brackets."""
    if not address.endswith(">"):
        return "", address
    found = _IN_BRACKETS.search(address)
    if found is None:
        raise ValueError("is not one address like name@example.com or Name <name@example.com>")
    name = trimmed(address[: found.start()])
    if (quoted := _QUOTED.fullmatch(name)) is not None:
        name = _unquoted(quoted[1])
    elif _ANOTHER.search(name):
        raise ValueError("is more than one address; put a name with an address in it into double quotes")
    return trimmed(header_text(name)), found[1]


def _mailbox(mailbox: str) -> tuple[str, str]:
    """Return the local part without quotes, and the domain in ASCII."""
    local, at, domain = mailbox.rpartition("@")
    if not at:
        raise ValueError("has no @")
    if not local.isascii():
        raise ValueError("has letters other than ASCII before the @, which most mail servers do not deliver")
    quoted = _QUOTED.fullmatch(local)
    if quoted is not None:
        local = _unquoted(quoted[1])
    good = local.isprintable() if quoted is not None else _LOCAL.fullmatch(local)
    if not good or not 0 < len(local) <= _LONGEST_LOCAL:
        raise ValueError("is not one valid address: name@example.com")
    domain = ascii_domain(domain)
    if "." not in domain:
        raise ValueError("is not one valid address: name@example.com")
    if len(local) + len(domain) >= _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    return local, domain


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _in_quotes(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _with_name(name: str, mailbox: str) -> str:
    wire = _formatted(name[:LONGEST_ON_WIRE], mailbox)
    if len(wire) <= LONGEST_ON_WIRE and len(name) <= LONGEST_ON_WIRE:
        return wire
    return _cut(name[: LONGEST_ON_WIRE + 1], mailbox)


def _formatted(name: str, mailbox: str) -> str:
    return formataddr((name, mailbox)) if name.isascii() else f"{encoded_words(name)} <{mailbox}>"


def _cut(name: str, mailbox: str) -> str:
    """Return the address with as much of the name as fits, cut between characters as people see them."""
    from wcwidth import iter_graphemes

    characters = list(accumulate(map(len, iter_graphemes(name))))
    for ends in (characters, range(1, len(name))):  # the first character alone may be too long: many accents
        fits = bisect_right(ends, LONGEST_ON_WIRE, key=lambda end: len(_formatted(name[:end].rstrip(), mailbox)))
        if fits:
            return _formatted(name[: ends[fits - 1]].rstrip(), mailbox)
    return mailbox
