"""`notifier routes`: the routes in their order, and which of them claim an event. Sends nothing."""

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
_WITH_CLAIMS = ("route", "claims", *_COLUMNS[1:])


def routes(
    event: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="Say which routes claim this event, why the others do not, and what the messages are. An item, as "
            "JSON or DynamoDB's JSON, or a whole stream record; - reads standard input.",
        ),
    ] = "",
    table: Annotated[str, typer.Option(help="The item's table; only needed if the routes are for several.")] = "",
    on: Annotated[str, typer.Option(help="What happened to the item: INSERT, MODIFY or REMOVE.")] = "INSERT",
    old: Annotated[str, typer.Option(metavar="FILE", help="The item before a MODIFY.")] = "",
    json: Json = False,
) -> None:
    """The routes of NOTIFIER_ROUTES in their order; with --event, what they make of an event. Nothing is sent.

    The first route that matches owns an event; those with `exclusive=False` claim it beside the owner. Exit code 1 if
    no route claims the event, or if a message cannot be built.
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
            "claims": "if it is the first" if each["exclusive"] else "beside the owner",
            "options": ", ".join(f"{name}: {value}" for name, value in each["options"].items()),
            "where": each["where"],
        }
        for each in facts
    ]
    columns = _COLUMNS if all(each["exclusive"] for each in facts) else _WITH_CLAIMS
    print_table("Routes", rows, columns, "There is no route.", spare=("options", "where", "table", "on"))


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
    made = [message for _, message in _messages(trial)]
    if not made or any(each["kind"] == "error" for each in made):
        raise typer.Exit(1)


def _messages(trial: Trial) -> list[tuple[str, Built]]:
    """Return the message of each route that claims the event, that of the owner first."""
    owned = [(trial["owner"], trial["message"])] if trial["owner"] and trial["message"] else []
    return [*owned, *((each["route"], each["message"]) for each in trial["beside"])]


def _read(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None


def _print(trial: Trial, title: str) -> None:
    rows: list[dict[str, Any]] = [
        {
            "route": each["name"],
            "claims": ("yes" if each["exclusive"] else "yes, beside the owner") if each["claims"] else "no",
            "reason": "; ".join(each["reasons"]),
        }
        for each in trial["verdicts"]
    ]
    print_table(title, rows, ("route", "claims", "reason"), "There is no route.")
    if trial["error"]:
        say(f"It goes to quarantine: {trial['error']}")
    made = _messages(trial)
    for route, message in made:
        if len(made) > 1:
            say(f"\n{route}:")
        _print_message(message)


def _print_message(message: Built) -> None:
    kind = message["kind"]
    if kind == "none":
        say("No notification: the route returned None.")
        return
    if kind == "later":
        reason = f": {message['reason']}" if message["reason"] else ""
        say(f"No notification yet: the route waits until {message['until']}{reason}.")
        return
    if kind == "error":
        where = message["where"]
        say(f"The message cannot be built: {message['error']}{f' ({where})' if where else ''}")
        return
    facts: dict[str, Any] = {"to": message["to"]}
    if kind == "email":
        facts |= {
            "from": message["sender"] or "NOTIFIER_SENDER, which is not set here: notifier env sets it",
            "subject": message["subject"],
        }
        facts |= {"html": f"{len(message['html'] or ''):,} characters"}
    if kind == "sms":
        encoding, length, each, count = message["segments"]
        facts |= {"parts": f"{count}: {length} characters in {encoding}, {each} in each"}
    print_facts(f"The {kind if kind != 'other' else 'message'}, which is not sent", facts | message.get("more", {}))
    say(message["text"])
