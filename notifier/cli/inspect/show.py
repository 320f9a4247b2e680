"""`notifier show`: one notification. It changes nothing; `--reveal` is journaled."""

from typing import Annotated

import typer

from notifier.cli.connection import LONG_SECONDS, connected
from notifier.cli.options.reveal import UNSAID, Why, reveals
from notifier.cli.terminal.output import Json, print_json, say, with_recipients
from notifier.cli.terminal.table import print_facts, print_table
from notifier.errors import UsageError
from notifier.operating.details import item_outline, last_traceback, shadow_subject
from notifier.operating.ids import resolved
from notifier.operating.timeline import facts_in_words, line_in_words, timeline
from notifier.outbox import Report

_HIDDEN = "the record and the last traceback; --reveal shows them"


def show(
    notification: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first characters of it.")],
    reveal: Annotated[
        bool, typer.Option(help="Show the recipient, the record and the last traceback in full.")
    ] = False,
    why: Why = "",
    json: Json = False,
) -> None:
    """One notification: the record it comes from, its status, and everything that happened to it.

    Control characters in an item or in a provider's answer are shown escaped, also with --reveal, which is a row of
    the journal.
    """
    with connected(LONG_SECONDS) as engine:
        report = Report(engine)
        (id_,) = resolved(report, [notification])
        row = reveals(engine).notification(id_, why.strip() or UNSAID) if reveal else report.show(id_)
        events = report.events(id_)
        feedback = report.feedback(id_)
    if row is None:
        raise UsageError(f"there is no notification {id_} any more")
    facts = {
        name: value for name, value in with_recipients(row, reveal=reveal).items() if name != "record"
    } | item_outline(row["record"])
    history = timeline(facts, events, feedback)
    full: dict[str, str | None] = {"hidden": _HIDDEN}
    if reveal:
        full = {
            "record": _text(row["record"]),
            "traceback": last_traceback(events),
            "subject": shadow_subject(events),
        }
    if json:
        print_json({**facts, **full, "timeline": history})
        return
    print_facts("Notification", facts_in_words(facts))
    columns = ("at", "change", "attempt", "actor", "reason")
    lines = [line_in_words(line) for line in history]
    print_table("Timeline", lines, columns, "Nothing happened yet.", spare=("attempt", "actor"))
    for name, value in full.items():
        if value:
            say(f"\n{name}: {value}")


def _text(record: bytes) -> str:
    return bytes(record).decode("utf-8", "replace")
