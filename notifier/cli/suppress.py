"""Recipients to whom nothing is sent."""

from pathlib import Path
from typing import Annotated

import typer

from notifier.channels import address_of, checked_address
from notifier.cli.actor import actor
from notifier.cli.connection import connected
from notifier.cli.options.channel import ChannelArgument, ChannelOption
from notifier.cli.options.reason import Reason
from notifier.cli.options.reveal import Why, note_recipients
from notifier.cli.terminal.output import Json, print_json, say
from notifier.cli.terminal.table import print_table
from notifier.errors import UsageError
from notifier.operating import suppression_file
from notifier.operating.erasure_keys import erasure_keys
from notifier.outbox import Suppressions
from notifier.text import masked

AddressArgument = Annotated[str, typer.Argument(help="The recipient.")]
NoteOption = Annotated[str, typer.Option("--note", hidden=True)]
"""The earlier name of `--reason`: scripts still use it."""

_KINDS = ("manual", "unsubscribe")
_OF_FEEDBACK = ("complaint", "hard_bounce")

suppress = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@suppress.command("add")
def add(
    channel: ChannelArgument,
    address: AddressArgument,
    kind: Annotated[
        str, typer.Option(help="manual, or unsubscribe: transactional routes ignore that.", metavar="KIND")
    ] = "manual",
    topic: Annotated[str, typer.Option(help="Only this topic; * is every topic; otherwise everything.")] = "",
    reason: Reason = "",
    note: NoteOption = "",
    json: Json = False,
) -> None:
    """Send nothing to this recipient from now on."""
    if reason in (*_KINDS, *_OF_FEEDBACK):
        raise UsageError(f"--reason says why, in your own words; {reason!r} is a kind: --kind manual or unsubscribe")
    if kind not in _KINDS:
        raise UsageError(f"--kind is manual or unsubscribe, not {kind!r}; the others come from feedback")
    recipient = checked_address(channel, address)
    with connected() as engine:
        why = (reason or note).strip() or None
        added = Suppressions(engine, actor=actor()).add(channel, recipient, reason=kind, topic=topic, note=why)
    if json:
        print_json({"suppressed": added})
    else:
        say("suppressed" if added else "was suppressed already, for this reason or a graver one")


@suppress.command("remove")
def remove(
    channel: ChannelArgument,
    address: AddressArgument,
    topic: Annotated[str | None, typer.Option(help="Only this topic; otherwise every entry.")] = None,
    reason: Reason = "",
    note: NoteOption = "",
    json: Json = False,
) -> None:
    """Send to this recipient again. Exit 1 if it was not suppressed.

    If the recipient has opted out of the topic beside a graver reason, the first `remove --topic` lifts that reason.
    """
    with connected() as engine:
        why = (reason or note).strip() or None
        suppressions = Suppressions(engine, actor=actor(), erasure_keys=erasure_keys())
        recipient = address_of(channel, address)
        removed = suppressions.remove(channel, recipient, topic=topic, note=why)
        stays = bool(removed) and topic is not None and suppressions.has_opted_out(channel, recipient, topic)
    if json:
        print_json({"removed": removed, "opted_out": stays})
    elif stays:
        say("lifted; the recipient has opted out as well, which stays: remove it again to send all the same")
    else:
        say(f"{removed} removed" if removed else "was not suppressed")
    if not removed:
        raise typer.Exit(1)


@suppress.command("list")
def list_(
    channel: ChannelOption = "",
    address: Annotated[str, typer.Option(help="Only this recipient; with --channel.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Most recipients to show.")] = 50,
    reveal: Annotated[bool, typer.Option(help="Show recipients in full; it is journaled.")] = False,
    why: Why = "",
    json: Json = False,
) -> None:
    """Who is suppressed, and why; the newest first."""
    if address and not channel:
        raise UsageError("--address needs --channel: each spells its recipients in its own way")
    with connected() as engine:
        suppressions = Suppressions(engine, actor=actor(), erasure_keys=erasure_keys())
        wanted = address_of(channel, address) if address else ""
        found = suppressions.list(channel=channel, address=wanted, limit=limit)
        if reveal:
            note_recipients(engine, len(found), "notifier suppress list", why)
    rows = [{**row, "address": row["address"] if reveal else masked(row["address"])} for row in found]
    if json:
        print_json({"suppressions": rows})
    else:
        rows = [
            {**row, "reason": f"{row['reason']}, unsubscribe" if row["opted_out"] else row["reason"]} for row in rows
        ]
        columns = ("channel", "address", "topic", "reason", "since", "actor", "note")
        print_table(
            "Suppressed", rows, columns, "No recipient is suppressed.", spare=("actor", "topic", "since", "note")
        )


@suppress.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with the columns channel, address; topic, reason, note.")
    ],
    kind: Annotated[
        str, typer.Option(help="The kind of lines without a reason: manual, or unsubscribe.", metavar="KIND")
    ] = "manual",
    reason: Reason = "",
    json: Json = False,
) -> None:
    """Suppress all recipients of a CSV file. If one line is wrong, none is."""
    if kind not in _KINDS:
        raise UsageError(f"--kind is manual or unsubscribe, not {kind!r}")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    rows = suppression_file.read(content, kind)
    with connected() as engine:
        added = Suppressions(engine, actor=actor()).add_all(rows, reason.strip() or f"the file {file.name}")
    if json:
        print_json({"lines": len(rows), "suppressed": added})
    else:
        say(f"{len(rows):,} lines read, {added:,} newly suppressed")
