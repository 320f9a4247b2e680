"""One email address as SES takes it: ASCII, one recipient, nothing that could start another header."""

import re
from bisect import bisect_right
from email.utils import formataddr
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from notifier.text import UNSEEN, trimmed
from workers.channels.domain import ascii_domain
from workers.channels.header import encoded_words, header_text

LONGEST_ON_WIRE = 320
"""Bytes of an address with its name, encoded: SES refuses more."""
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


class _Address(NamedTuple):
    wire: str
    mailbox: str


def wire_address(address: object) -> str:
    """`Zoë <zoe@bücher.example>` in ASCII: the name as RFC 2047, the domain as Punycode, odd local parts in quotes.

    A name that is too long for SES is cut. Raises ValueError, whose text does not repeat the address: it is personal.
    """
    if not isinstance(address, str):
        raise ValueError("is empty, or not a text")  # noqa: TRY004  one kind of error for all that is no address
    return address if _is_plain(address) else _read(address).wire


def mailbox_of(address: str) -> str:
    """The bare mailbox in lower case, so that two spellings of it are one. What is no address stays as it is."""
    try:
        return address.lower() if _is_plain(address) else _read(address).mailbox
    except ValueError:
        return address.strip().lower()


def checked_mailbox(address: str) -> str:
    """`mailbox_of`, but what is no address raises ValueError."""
    return address.lower() if _is_plain(address) else _read(address).mailbox


def _is_plain(address: str) -> bool:
    """Whether it is on the wire as it is, as nearly all are."""
    return len(address) <= _LONGEST and _PLAIN.fullmatch(address) is not None


@lru_cache(maxsize=2_000)  # the same message asks twice: for what suppressions call it, and for its request
def _read(given: str) -> _Address:
    if len(given) > _LONGEST_GIVEN:
        raise ValueError(f"is longer than {_LONGEST_GIVEN:,} characters")
    address = trimmed(given)
    if not address:
        raise ValueError("is empty, or not a text")
    name, bare = _apart(address)
    local, domain = _mailbox(_UNSEEN.sub("", trimmed(bare)))
    quoted = local if _DOT_ATOM.fullmatch(local) else _in_quotes(local)
    # Named without quotes, as operators and earlier versions write it, where no reader can misunderstand that.
    known_as = f"{local if _LOCAL.fullmatch(local) else quoted}@{domain}".lower()
    return _Address(_with_name(name, f"{quoted}@{domain}"), known_as)


def _apart(address: str) -> tuple[str, str]:
    """The name and the mailbox, which is within the last angle brackets."""
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
    """The local part without quotes, and the domain in ASCII."""
    local, at, domain = mailbox.rpartition("@")
    if not at:
        raise ValueError("has no @")
    if not local.isascii():
        raise ValueError("has letters other than ASCII before the @, which SES does not deliver")
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
    """With as much of the name as fits, up to the end of what people see as one character."""
    from wcwidth import iter_graphemes

    characters = list(accumulate(map(len, iter_graphemes(name))))
    for ends in (characters, range(1, len(name))):  # one may have more accents than there is room for
        fits = bisect_right(ends, LONGEST_ON_WIRE, key=lambda end: len(_formatted(name[:end].rstrip(), mailbox)))
        if fits:
            return _formatted(name[: ends[fits - 1]].rstrip(), mailbox)
    return mailbox
