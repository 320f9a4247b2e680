"""Suppressions as a CSV file: what an export writes, an import reads."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from notifier.channels import checked_address
from notifier.errors import NotifierError, UsageError
from notifier.outbox import REASONS, NewSuppression

COLUMNS = ("channel", "address", "topic", "reason", "note", "since")
_NEEDED = ("channel", "address")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""
_PHONE_NUMBER = re.compile(r"\+[0-9 ()./-]+")
"""Names no cell and no function, so it is harmless as a formula."""
_MOST_ERRORS = 5


def written(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the file."""
    yield _line(COLUMNS)
    for row in rows:
        yield _line([_harmless(_text(row[name])) for name in COLUMNS])


def read(content: bytes, kind: str = "manual") -> list[NewSuppression]:
    """Return the suppressions of a file. Columns `topic`, `reason`, `note` may be left out, `since` is ignored.

    `kind` is the reason of lines without one.

    Raise UsageError, with the lines that are wrong, if one is: then nothing is to be imported.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the file is not in UTF-8: save it as CSV UTF-8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    found, wrong = [], []
    try:
        names = [name.strip().lower() for name in rows.fieldnames or ()]
        rows.fieldnames = names
        if lacking := [name for name in _NEEDED if name not in names]:
            raise UsageError(f"the first line must name the columns; missing: {', '.join(lacking)}")
        for row in rows:
            try:
                found.append(_suppression(row, kind))
            except NotifierError as error:
                wrong.append(f"line {rows.line_num}: {error}")
    except csv.Error as error:
        raise UsageError(f"line {rows.line_num}: {error}") from None
    if wrong:
        more = f"; and {len(wrong) - _MOST_ERRORS:,} more lines" if len(wrong) > _MOST_ERRORS else ""
        raise UsageError("; ".join(wrong[:_MOST_ERRORS]) + more)
    return found


def _suppression(row: Mapping[str | None, Any], kind: str) -> NewSuppression:
    if None in row:
        raise UsageError("more fields than columns")
    given = {name: _plain(row.get(name) or "") for name in COLUMNS}
    reason = given["reason"] or kind
    if reason not in REASONS:
        raise UsageError(f"the reason must be one of {', '.join(REASONS)}")
    address = checked_address(given["channel"], given["address"])
    return NewSuppression(given["channel"], address, given["topic"], reason, given["note"] or None)


def _line(fields: Iterable[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(fields)
    return line.getvalue()


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _harmless(text: str) -> str:
    """Return the text with an apostrophe before what a spreadsheet would run."""
    runs = text.startswith((*_FORMULA, "'")) and not _PHONE_NUMBER.fullmatch(text)
    return f"'{text}" if runs else text


def _plain(text: str) -> str:
    """Return what `_harmless` was given."""
    return (
        text.removeprefix("'").strip()
        if text.startswith(tuple(f"'{each}" for each in (*_FORMULA, "'")))
        else text.strip()
    )
