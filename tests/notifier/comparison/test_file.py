"""Lines of a file of the other system: good ones are read, wrong ones are named and stop no other."""

import io
from datetime import UTC, datetime

import pytest

from notifier.comparison.file import LONGEST_LINE, WrongLine, read
from notifier.comparison.matching import Compared
from notifier.errors import UsageError

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
GOOD = b'{"key": "a", "recipient": "Ana@Example.com", "subject": "Hello", "time": "2026-01-31T12:00:00Z"}\n'


def lines(content: bytes) -> list[Compared | WrongLine]:
    return list(read(io.BytesIO(content), str.lower))


def good(place: str) -> Compared:
    return Compared("a", "ana@example.com", "Hello", AT, place)


@pytest.mark.parametrize(
    "time",
    ['"2026-01-31T12:00:00Z"', '"2026-01-31T13:00:00+01:00"', '"2026-01-31T12:00:00"', "1769860800", '"1769860800"'],
)
def test_a_time_is_iso_or_unix_seconds(time: str) -> None:
    line = f'{{"key": "a", "recipient": "ana@example.com", "subject": "Hello", "time": {time}, "more": []}}'
    assert lines(line.encode()) == [good("1")]


def test_wrong_lines_are_named_and_stop_no_other() -> None:
    wrong = {
        b"nonsense\n": "it is not JSON",
        b"[1]\n": "it is not an object, as {...}",
        b'{"key": "a", "recipient": "b"}\n': "it has no time",
        b'{"key": "", "recipient": "b", "time": 1}\n': "it has no key",
        b'{"key": {}, "recipient": "b", "time": 1}\n': "it has no key",
        b'{"key": ["x"], "recipient": "b", "time": 1}\n': "key, recipient and subject must be texts",
        b'{"key": "a", "recipient": "b", "time": "soon"}\n': "its time is neither",
        b'{"key": "a", "recipient": "b", "time": true}\n': "its time is neither",
        b'{"key": "a", "recipient": "b", "time": 1e300}\n': "its time is neither",
        b'{"key": "a", "recipient": "b", "time": "0001-01-01"}\n': "its time is neither",
        b'{"key": "a", "recipient": "b", "time": -62135596800}\n': "its time is neither",
        b"\xff\xfe\n": "it is not in UTF-8",
        b"x" * (LONGEST_LINE + 5) + b"\n": "it is longer than",
    }
    found = lines(GOOD + b"".join(wrong) + b"\n" + GOOD)
    assert found[0] == good("1")
    assert found[-1] == good(str(len(wrong) + 3))
    for number, (each, error) in enumerate(zip(found[1:-1], wrong.values(), strict=True), 2):
        assert isinstance(each, WrongLine)
        if "no key" not in error:
            assert each.error.startswith(error)
        assert each.number == number


def test_csv_with_its_columns_in_any_order() -> None:
    content = (
        b"\xef\xbb\xbfTime,subject,other,key,recipient\n"
        b'2026-01-31T12:00:00Z,Hello,,a,ANA@example.com\n\n2026-01-31T12:00:00Z,"He\nllo",,a\n'
        b"1769860800,Hello,,a,ana@example.com,x\n\xff,a\n1769860800,Hello,x,a,ana@example.com\n"
    )
    assert lines(content) == [
        good("2"),
        WrongLine(5, "it has no recipient"),
        WrongLine(6, "more fields than columns"),
        WrongLine(7, "it is not in UTF-8"),
        good("8"),
    ]


def test_a_csv_without_the_columns_cannot_be_read() -> None:
    with pytest.raises(UsageError, match="missing: recipient, time"):
        lines(b"key,to\n1,2\n")


def test_a_csv_whose_lines_end_with_a_carriage_return_alone_cannot_be_read() -> None:
    with pytest.raises(UsageError, match="line 1: new-line character"):
        lines(b"key,recipient,time\ra,ana@example.com,1\r")


def test_an_empty_file_has_no_lines() -> None:
    assert lines(b"") == lines(b"\n \n") == []
