"""`notifier doctor`: checks a set-up, and says in a line each what is good, doubtful or wrong."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from notifier.cli.terminal.findings import print_findings
from notifier.cli.terminal.output import Json, print_json
from notifier.doctor.check import Found, examine
from notifier.doctor.checks import chosen
from notifier.doctor.finding import Level
from notifier.doctor.setup import Setup
from notifier.settings import load_settings
from notifier.telemetry import configure_logging


def doctor(
    only: Annotated[
        list[str] | None, typer.Option(help="Run only this check, or those of this subject: redis, streams, ses.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 also if something is only doubtful.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that each check may take.", min=1, max=600)] = 15,
    json: Json = False,
) -> None:
    """Check the set-up of NOTIFIER_ variables: Postgres, Redis, tables and streams, SES and its events, routes.

    It changes nothing and sends nothing. Exit 0 if nothing is wrong, 1 if something is, 2 if it cannot begin.
    """
    checks = chosen(only or ())
    settings = load_settings()
    # What the parts of Notifier log at a start is a finding here.
    configure_logging(settings.model_copy(update={"log_level": "error"}), process="doctor")
    setup = Setup(settings, timeout)
    found = examine(checks, setup, timeout)
    counts = Counter(each.finding.level for each in found)
    if json:
        print_json({**{level.replace(" ", "_"): counts[level] for level in Level}, "findings": _rows(found)})
    else:
        print_findings(found)
    setup.close()
    if counts[Level.WRONG] or (strict and counts[Level.DOUBTFUL]):
        raise typer.Exit(1)


def _rows(found: Sequence[Found]) -> list[Mapping[str, str]]:
    return [
        {
            "check": each.check.name,
            "subject": each.check.subject,
            "level": each.finding.level.replace(" ", "_"),
            "what": each.finding.what,
            "remedy": each.finding.remedy,
            "page": each.finding.page,
        }
        for each in found
    ]
