"""`notifier compare`: what was built in shadow, compared with what an older system sent."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
import typer

from notifier.channels import address_of
from notifier.cli.connection import LONG_SECONDS, connected
from notifier.cli.options.reveal import Why, note_recipients
from notifier.cli.options.selecting import RouteOption
from notifier.cli.options.window import check_window, moment
from notifier.cli.terminal.output import Json, print_json, say, say_warning
from notifier.cli.terminal.table import print_facts, print_table
from notifier.comparison.comparing import Comparison, Options, Summary
from notifier.errors import UsageError
from notifier.text import masked

_COLUMNS = (
    "difference",
    "key",
    "shadowed_to",
    "sent_to",
    "shadowed_subject",
    "sent_subject",
    "line",
    "notification_id",
)
_PERSONAL = ("shadowed_to", "sent_to", "shadowed_subject", "sent_subject")
_SPARE = ("notification_id", "line", "sent_subject", "shadowed_subject")


def compare(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="What the older system sent: JSON lines or CSV with key, recipient, subject, time; - reads the "
            "standard input.",
        ),
    ],
    *,
    channel: Annotated[str, typer.Option(help="The channel of the messages.")] = "email",
    route: RouteOption = "",
    by: Annotated[
        str,
        typer.Option(
            help="What the file's key is: attributes of the item, joined by /, as pk,sk; or sequence_number. "
            "Default: the table's key.",
        ),
    ] = "",
    since: Annotated[
        datetime | None,
        typer.Option(help="From this time (UTC) on; default: the first of the file.", parser=moment, metavar="TIME"),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(help="Before this time (UTC); default: the last of it.", parser=moment, metavar="TIME"),
    ] = None,
    margin: Annotated[
        float,
        typer.Option(
            min=0,
            max=31_536_000,
            help="Seconds before and after that time in which a message may have its other half: the older system "
            "may have sent it later.",
        ),
    ] = 600.0,
    limit: Annotated[int, typer.Option(min=0, help="Most differences to show.")] = 50,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write all differences to this file, in full, as JSON lines."),
    ] = None,
    reveal: Annotated[bool, typer.Option(help="Show recipients and subjects in full.")] = False,
    why: Why = "",
    json: Json = False,
) -> None:
    """Compare what was built in shadow with what an older system sent. Exit 1 if they differ.

    With --reveal or --output, the journal has how many recipients were shown in full.
    """
    check_window(since, until)
    address_of(channel, "")  # raises for a channel that is not installed
    names = [each.strip() for each in by.split(",") if each.strip()]
    options = Options(channel, route, names, since, until, timedelta(seconds=margin))
    with ExitStack() as stack:
        comparison = stack.enter_context(Comparison(options))
        out = stack.enter_context(_created(output, file)) if output else None
        with _opened(file) as lines:
            comparison.read(lines)
        engine = stack.enter_context(connected(LONG_SECONDS))
        comparison.read_shadowed(engine)
        shown, in_full = _written(comparison, out, limit, reveal=reveal)
        note_recipients(engine, in_full, "notifier compare", why)
    if json:
        wrong = [asdict(each) for each in comparison.wrong]
        print_json({**asdict(comparison.summary), "differences": shown, "wrong": wrong})
    else:
        _print(comparison, shown)
    if not comparison.summary.agrees:
        raise typer.Exit(1)


def _written(
    comparison: Comparison, out: IO[bytes] | None, limit: int, *, reveal: bool
) -> tuple[list[Mapping[str, Any]], int]:
    """Write all differences to `out`. Return the first `limit` of them, masked without `reveal`, and in how many of
    all a recipient is given in full.
    """
    shown: list[Mapping[str, Any]] = []
    in_full = 0
    for difference in comparison.differences():
        is_shown = len(shown) < limit
        if is_shown:
            shown.append(difference if reveal else _masked(difference))
        if out:
            out.write(orjson.dumps(difference) + b"\n")
        in_full += bool(difference["shadowed_to"]) and (out is not None or (is_shown and reveal))
    return shown, in_full


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    """Open a file, or the standard input for `-`. Raise UsageError if it cannot be read."""
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115  closed below; only the opening may fail here
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    with opened:
        yield opened


def _created(output: Path, file: str) -> IO[bytes]:
    """Open the file for the differences, empty. Raise UsageError if that fails, or if it is the file to read."""
    try:
        if output.exists() and Path(file).exists() and output.samefile(file):
            raise UsageError(f"--output {output} is the file that is compared: name another one")
        return output.open("wb")
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}") from None


def _masked(difference: Mapping[str, Any]) -> Mapping[str, Any]:
    """A subject is masked as well: of an SMS it is the text, and it may name a person."""
    return {**difference, **{name: masked(difference[name]) for name in _PERSONAL if difference[name]}}


def _print(comparison: Comparison, shown: Sequence[Mapping[str, Any]]) -> None:
    summary = comparison.summary
    for each in comparison.wrong:
        say_warning(f"line {each.number}: {each.error}")
    if more := summary.wrong_lines - len(comparison.wrong):
        say_warning(f"{more:,} more lines are wrong")
    if shown:
        print_table("Differences", [dict(each) for each in shown], _COLUMNS, "", spare=_SPARE)
    if more := summary.found - len(shown):
        say(f"{more:,} more differences: --limit shows more, --output FILE writes all of them", err=True)
    print_facts("Comparison", _facts(summary))
    if summary.agrees:
        say("Both sides have the same messages.")


def _facts(summary: Summary) -> dict[str, Any]:
    others = ", ".join(f"{status}: {number:,}" for status, number in sorted(summary.others.items()))
    return {
        "since": summary.since,
        "until": summary.until,
        "messages in the file": summary.lines,
        "wrong lines": summary.wrong_lines,
        "shadowed": summary.shadowed,
        "the same": summary.same,
        "different": summary.different,
        "only shadowed": summary.only_shadowed,
        "only in the file": summary.only_sent,
        "shadowed without that key": summary.without_key,
        "not shadowed": others or "none",
    }
