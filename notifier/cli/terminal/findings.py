"""The findings of `notifier doctor` for people: grouped by subject, each with its level as a word and a colour."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from notifier.cli.terminal.table import limit_of
from notifier.doctor.check import Found
from notifier.doctor.finding import Finding, Level
from notifier.text import printable

_STYLES = {Level.GOOD: "green", Level.UNKNOWN: "dim", Level.DOUBTFUL: "yellow", Level.WRONG: "bold red"}
_MARGIN = 2
_LEVEL = max(map(len, Level)) + _MARGIN


def print_findings(found: Sequence[Found]) -> None:
    """Print the findings, and how many there are of each level. Piped output has each on one line."""
    console = Console(highlight=False)
    limit = limit_of(console)
    for subject, of_subject in groupby(found, key=lambda each: each.check.subject):
        console.print(Text(subject, style="bold"))
        for each in of_subject:
            console.print(_line(each.finding, limit), soft_wrap=limit is None)
        console.print()
    console.print(_summary(found), soft_wrap=True)


def _line(finding: Finding, limit: int | None) -> Text | Padding:
    """Return the level, what was found, and below it what to do. All in one line if there is no `limit`."""
    level = Text(finding.level.ljust(_LEVEL), style=_STYLES[finding.level])
    if limit is None:
        sentence = "; to do: ".join(filter(None, (finding.what, _remedy(finding))))
        return Text(" " * _MARGIN).append(level).append(printable(sentence))
    cells = Table.grid(padding=0)
    cells.add_column(width=_LEVEL, no_wrap=True)
    cells.add_column(overflow="fold")
    cells.add_row(level, Text(printable(finding.what)))
    if remedy := _remedy(finding):
        cells.add_row("", Text("to do: ", style="bold").append(Text(printable(remedy), style="not bold")))
    return Padding(cells, (0, 0, 0, _MARGIN))


def _remedy(finding: Finding) -> str:
    """Return what to do, and where that is explained."""
    return " ".join(filter(None, (finding.remedy, f"({finding.page})" if finding.page else "")))


def _summary(found: Sequence[Found]) -> Text:
    """Return how many findings there are of each level, and what that means."""
    counts = Counter(each.finding.level for each in found)
    text = Text()
    for level in Level:
        if counts[level] or level is Level.WRONG:
            text.append(", " if text else "").append(f"{counts[level]} {level}", style=_STYLES[level])
    return text
