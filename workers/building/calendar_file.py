"""Writes an invitation as a file of iCalendar (RFC 5545), by the rules of invitations (RFC 5546). Pure.

Our own writer, because it is one kind of entry with times in UTC: a library would be one more for each worker.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from email.header import decode_header, make_header
from email.utils import parseaddr
from uuid import UUID

from notifier.errors import RoutesError
from notifier.mail import Attachment, Invitation
from notifier.notifications import created_ms
from notifier.text import one_line, sound
from workers.channels.mailbox import envelope_address, wire_address

_OCTETS = 75
"""Of a line, without its end."""
_ESCAPED = re.compile(r"[\\;,]")


def calendar_file(
    invitation: Invitation, id_: UUID, sender: str, recipients: Sequence[str], number: int = 1
) -> Attachment:
    """Return the file. The same invitation of the same notification gives the same bytes.

    `number` counts the invitations of a mail: two appointments need two UIDs.

    Raise RoutesError for times that no calendar can have, and ValueError for an address that is none.
    """
    method = "CANCEL" if invitation.cancelled else "REQUEST"
    own = str(id_) if number == 1 else f"{id_}-{number}"
    lines = _lines(invitation, id_, own, method, invitation.organizer or sender, recipients)
    content = "".join(f"{folded}\r\n" for line in lines for folded in _folded(line)).encode()
    return Attachment(invitation.name, content, type=f"text/calendar; method={method}; charset=UTF-8")


def _lines(
    invitation: Invitation, id_: UUID, own: str, method: str, organizer: str, recipients: Sequence[str]
) -> Iterator[str]:
    _check(invitation)
    stamp = _utc(datetime.fromtimestamp(created_ms(id_) / 1000, UTC))
    domain = envelope_address(organizer).rpartition("@")[2]
    yield from ("BEGIN:VCALENDAR", "PRODID:-//Notifier//EN", "VERSION:2.0", f"METHOD:{method}", "BEGIN:VEVENT")
    yield f"UID:{one_line(invitation.uid) if invitation.uid else f'{own}@{domain}'}"
    yield f"DTSTAMP:{stamp}"
    yield f"SEQUENCE:{invitation.sequence}"
    yield f"DTSTART{_moment(invitation.start)}"
    yield f"DTEND{_moment(invitation.end)}"
    yield f"SUMMARY:{_text(invitation.summary)}"
    for name, value in (("LOCATION", invitation.location), ("DESCRIPTION", invitation.description)):
        if value:
            yield f"{name}:{_text(value)}"
    if invitation.url:
        yield f"URL:{one_line(invitation.url)}"
    yield f"ORGANIZER{_person(organizer)}"
    for each in recipients:
        yield f"ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE{_person(each)}"
    yield f"STATUS:{'CANCELLED' if invitation.cancelled else 'CONFIRMED'}"
    yield from ("END:VEVENT", "END:VCALENDAR")


def _check(invitation: Invitation) -> None:
    start, end = invitation.start, invitation.end
    times = isinstance(start, datetime), isinstance(end, datetime)
    if not isinstance(start, date) or not isinstance(end, date) or len(set(times)) > 1:
        raise RoutesError("an Invitation has two datetimes as `start` and `end`, or two dates")
    if any(isinstance(each, datetime) and each.tzinfo is None for each in (start, end)):
        raise RoutesError("the times of an Invitation need their zone: datetime(2026, 1, 31, 9, tzinfo=UTC)")
    if not isinstance(invitation.sequence, int):
        raise RoutesError("the `sequence` of an Invitation is an integer")
    if end <= start:
        raise RoutesError("an Invitation ends after it has begun: its `end` is not later than its `start`")


def _moment(at: datetime | date) -> str:
    return f":{_utc(at)}" if isinstance(at, datetime) else f";VALUE=DATE:{at:%Y%m%d}"


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(text: str) -> str:
    escaped = _ESCAPED.sub(r"\\\g<0>", sound(text).replace("\r\n", "\n").replace("\r", "\n"))
    return escaped.replace("\n", "\\n")


def _person(address: str) -> str:
    """Return the name as a parameter, if there is one, and the address as the value."""
    encoded, _ = parseaddr(wire_address(address))
    name = one_line(str(make_header(decode_header(encoded)))).replace('"', "'")
    shown = f';CN="{name}"' if name else ""
    return f"{shown}:mailto:{envelope_address(address)}"


def _folded(line: str) -> Iterator[str]:
    """Yield the parts of a line of at most 75 octets. Each but the first begins with a blank."""
    part, used = "", 0
    for sign in line:
        size = len(sign.encode())
        if used + size > _OCTETS:
            yield part
            part, used = " ", 1
        part += sign
        used += size
    yield part
