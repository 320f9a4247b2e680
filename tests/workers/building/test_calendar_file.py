"""Invitations as files of iCalendar."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from notifier import Invitation
from notifier.errors import RoutesError
from workers.building.calendar_file import calendar_file

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
AT = datetime(2026, 3, 29, 9, 30, tzinfo=ZoneInfo("Europe/Lisbon"))


def invitation(**more: Any) -> Invitation:
    return Invitation(**{"start": AT, "end": AT + timedelta(hours=1), "summary": "Visit", **more})


def lines(*recipients: str, **more: Any) -> list[str]:
    file = calendar_file(invitation(**more), ID, "Shop <us@example.com>", recipients or ("ana@example.com",))
    assert file.content is not None
    text = file.content.decode()
    assert text.endswith("\r\n")
    assert all(len(each.encode()) <= 75 for each in text.split("\r\n"))
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def test_a_whole_invitation() -> None:
    assert lines("Ana; Maria <ana@example.com>", location="Rua Nova 7, Porto", url="https://example.com/17") == [
        "BEGIN:VCALENDAR",
        "PRODID:-//Notifier//EN",
        "VERSION:2.0",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        f"UID:{ID}@example.com",
        "DTSTAMP:20230630T033418Z",
        "SEQUENCE:0",
        "DTSTART:20260329T083000Z",
        "DTEND:20260329T093000Z",
        "SUMMARY:Visit",
        "LOCATION:Rua Nova 7\\, Porto",
        "URL:https://example.com/17",
        'ORGANIZER;CN="Shop":mailto:us@example.com',
        'ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN="Ana; Maria":mailto:ana@example.com',
        "STATUS:CONFIRMED",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_each_attempt_writes_the_same_bytes_of_the_right_type() -> None:
    first, second = (calendar_file(invitation(), ID, "us@example.com", ["ana@example.com"]) for _ in range(2))
    assert first == second
    assert first.media_type == "text/calendar; method=REQUEST; charset=UTF-8"


def test_a_later_notification_cancels_the_appointment_by_its_own_uid() -> None:
    found = lines(uid="visit-17@example.com", sequence=2, cancelled=True)
    assert {"METHOD:CANCEL", "UID:visit-17@example.com", "SEQUENCE:2", "STATUS:CANCELLED"} <= set(found)


def test_whole_days_are_dates() -> None:
    found = lines(start=date(2026, 1, 31), end=date(2026, 2, 1))
    assert {"DTSTART;VALUE=DATE:20260131", "DTEND;VALUE=DATE:20260201"} <= set(found)


def test_no_text_can_add_a_line() -> None:
    hostile = "a\r\nATTENDEE:mailto:eve@example.com\n\x00\\;"
    found = lines(
        'Eve"\r\nX <ana@example.com>',
        summary=hostile,
        description=hostile,
        location=hostile,
        uid=hostile,
        url=hostile,
    )
    assert sum(each.startswith("ATTENDEE") for each in found) == 1
    assert "SUMMARY:a\\nATTENDEE:mailto:eve@example.com\\n\ufffd\\\\\\;" in found


def test_long_lines_are_folded_between_characters() -> None:
    assert f"SUMMARY:{'ü€😀' * 60}" in lines(summary="ü€😀" * 60)


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": datetime(2026, 1, 31, 9)},  # noqa: DTZ001  the error of this test
        {"end": AT},
        {"end": date(2026, 4, 1)},
        {"start": "2026-01-31"},
        {"start": date(2026, 1, 31), "end": date(2026, 1, 31)},
        {"sequence": "1\r\nX-ADDED:1"},
    ],
)
def test_what_no_calendar_can_have_is_an_error_of_the_route(wrong: dict[str, Any]) -> None:
    with pytest.raises(RoutesError):
        lines(**wrong)


def test_an_organizer_that_is_no_address_is_named() -> None:
    with pytest.raises(ValueError, match="has no @"):
        lines(organizer="us")


def test_times_of_utc_stay() -> None:
    assert "DTSTART:20260329T083000Z" in lines(start=AT.astimezone(UTC))
