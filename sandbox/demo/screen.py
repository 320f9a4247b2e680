"""What the demo prints: progress bars, the reconciliation, a mail."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from sandbox.demo.demo import Counter, DemoResult

_ALL = frozenset(("events", "records", "notifications", "accepted", "delivered"))


@contextmanager
def progress_bar(events: int, *, quiet: bool) -> Iterator[Counter]:
    """Two bars on standard error: events written, and mails accepted. Nothing if `quiet`."""
    console = Console(stderr=True, quiet=quiet)
    columns = (SpinnerColumn(), TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bars = {
            "written": progress.add_task("events written", total=events, start=False),
            "accepted": progress.add_task("mails accepted", total=events, start=False),
        }

        def count(what: str, number: int) -> None:
            progress.start_task(bars[what])
            progress.update(bars[what], completed=number)

        yield count


def show_result(result: DemoResult, mail: dict[str, Any] | None) -> None:
    """Print the reconciliation, and the last mail as its recipient reads it."""
    console = Console()
    if mail:
        head = f"From: {mail['from']}\nTo: {', '.join(mail['to'])}\nSubject: {mail['subject']}"
        body = Text(f"{head}\n\n{(mail['text'] or '').strip()}")  # brackets in it are not markup of rich
        console.print(Panel(body, title="one of the mails", width=78))
    console.print(_table(result))
    rate = f"{result.seconds:.1f} s, {result.events_per_second:,.0f} events/s"
    if result.exact:
        console.print(f"[green]Each of {result.events:,} events became exactly one mail[/] ({rate}).")
    else:
        console.print(f"[red]The count is not exact[/] ({rate}).")


def _table(result: DemoResult) -> Table:
    table = Table(title="Reconciliation", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    rows = (
        ("events", result.events, "writes that DynamoDB acknowledged"),
        ("records", result.records, "read from the stream"),
        ("notifications", result.notifications, "rows in the outbox"),
        ("accepted", result.accepted, "events with a mail, in the provider's own journal"),
        ("delivered", result.delivered, "mails in a mailbox, by the events of the provider"),
        ("lost", result.lost, "events without a mail"),
        ("duplicated", result.duplicated, "mails after the first of an event"),
        ("unexpected", result.unexpected, "mails without an event"),
        ("unknown", result.unknown, "attempts whose answer was lost"),
    )
    for name, number, meaning in rows:
        good = number == (result.events if name in _ALL else 0)
        table.add_row(name, f"[{'green' if good else 'red'}]{number:,}[/]", meaning)
    return table
