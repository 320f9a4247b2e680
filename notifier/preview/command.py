"""`notifier routes`: the routes in their order, and which of them an event belongs to. Sends nothing."""

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import print_facts, print_table
from notifier.errors import UsageError
from notifier.preview.event import event_of
from notifier.preview.message import Built
from notifier.preview.routing import Routing, Trial

_COLUMNS = ("route", "table", "on", "matches", "channel", "options", "where")


def routes(
    event: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Say which route claims this event, why the others do not, and what the message is. An item, as "
            "JSON or DynamoDB's JSON, or a whole stream record; - reads standard input.",
        ),
    ] = "",
    table: Annotated[str, typer.Option(help="The item's table; only needed if the routes are for several.")] = "",
    on: Annotated[str, typer.Option(help="What happened to the item: INSERT, MODIFY or REMOVE.")] = "INSERT",
    old: Annotated[str, typer.Option(metavar="FILE", help="The item before a MODIFY.")] = "",
    json: Json = False,
) -> None:
    """The routes of NOTIFIER_ROUTES in their order; with --event, what they make of an event. Nothing is sent.

    Exit code 1 if no route claims the event, or if its message cannot be built.
    """
    with redirect_stdout(sys.stderr):  # what the user's code prints is no part of the answer
        routing = Routing()
    if event:
        _try(routing, event, table, on, old, json=json)
        return
    facts = routing.facts()
    if json:
        print_json({"routes": facts})
        return
    rows = [
        {
            "route": each["name"],
            "table": each["table"],
            "on": ", ".join(each["on"]),
            "matches": "; ".join([*each["match"], *(f"before: {line}" for line in each["match_old"])])
            or "every item",
            "channel": each["channel"],
            "options": ", ".join(f"{name}: {value}" for name, value in each["options"].items()),
            "where": each["where"],
        }
        for each in facts
    ]
    print_table("Routes", rows, _COLUMNS, "There is no route.", spare=("options", "where", "table", "on"))


def _try(routing: Routing, file: str, table: str, on: str, old: str, *, json: bool) -> None:
    tables = sorted({each.table for each in routing.routes})
    table = table or (tables[0] if len(tables) == 1 else "")
    asked = event_of(_read(file), table=table, name=on.upper(), old=_read(old) if old else "")
    with redirect_stdout(sys.stderr):
        trial = routing.try_event(asked)
    if json:
        print_json({**trial, "table": asked.table, "event": asked.name})
    else:
        _print(trial, f"{asked.name} in the table {asked.table}")
    if trial["owner"] is None or (trial["message"] or {}).get("kind") == "error":
        raise typer.Exit(1)


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None


def _print(trial: Trial, title: str) -> None:
    rows: list[dict[str, Any]] = [
        {
            "route": each["name"],
            "claims": "yes" if each["claims"] else "no",
            "reason": "; ".join(each["reasons"]),
        }
        for each in trial["verdicts"]
    ]
    print_table(title, rows, ("route", "claims", "reason"), "There is no route.")
    if trial["error"]:
        say(f"It goes to quarantine: {trial['error']}")
    if trial["message"]:
        _print_message(trial["message"])


def _print_message(message: Built) -> None:
    kind = message["kind"]
    if kind == "none":
        say("No notification: the route returned None.")
        return
    if kind == "error":
        where = message["where"]
        say(f"The message cannot be built: {message['error']}{f' ({where})' if where else ''}")
        return
    facts: dict[str, Any] = {"to": message["to"]}
    if kind == "email":
        facts |= {"from": message["sender"] or "NOTIFIER_SENDER, which is not set", "subject": message["subject"]}
        facts |= {"html": f"{len(message['html'] or ''):,} characters"}
    if kind == "sms":
        encoding, length, each, count = message["segments"]
        facts |= {"parts": f"{count}: {length} characters in {encoding}, {each} in each"}
    print_facts(f"The {kind if kind != 'other' else 'message'}, which is not sent", facts | message.get("more", {}))
    say(message["text"])
