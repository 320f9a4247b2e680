"""An invitation to a meeting, as calendars read it. Pure."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An appointment that mail programs offer to add to the calendar: one of the `attachments` of an `Email`.

        Invitation(start=visit.at, end=visit.at + timedelta(hours=1), summary="Visit", location="Rua Nova 7, Porto")

    The recipients in `to` and `cc` are invited; the sender of the mail is the organizer. A time without a zone makes
    the build fail.
    """

    start: datetime | date
    """When it begins: a datetime with its zone, or a date for whole days."""
    end: datetime | date
    """When it is over, of the same type. A date is the first day after it."""
    summary: str
    """Its title."""
    location: str = ""
    """Where it is."""
    description: str = ""
    """More text."""
    url: str = ""
    """Its page."""
    uid: str | None = None
    """Identifies the appointment in calendars. None: the notification's id, the same in every attempt. With one of
    your own, as `visit-17@example.com`, a later notification can change or cancel the appointment.
    """
    sequence: int = 0
    """Larger in each later change of the same `uid`: calendars ignore what is not newer."""
    cancelled: bool = False
    """Cancel the appointment with this `uid`."""
    organizer: str | None = None
    """Who gets the answers. None: the sender of the mail."""
    name: str = "invite.ics"
    """The name of the file."""
