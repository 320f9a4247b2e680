"""`notifier pause`, `resume`, `suppress`: who is written to, and on which channel."""

from typing import Annotated

import typer

from notifier.cli.options.reason import Reason, given
from notifier.cli.terminal.output import Json, connected, masked, operator, print_json, say
from notifier.cli.terminal.table import print_table
from notifier.errors import UsageError

ChannelName = Annotated[str, typer.Argument(help="email, sms, webhook, ...")]
Address = Annotated[str, typer.Argument(help="The recipient.")]
Note = Annotated[str, typer.Option("--note", hidden=True)]
"""What `--reason` was called before: scripts have it."""

_KINDS = ("manual", "unsubscribe")
_OF_FEEDBACK = ("complaint", "hard_bounce")

suppress = typer.Typer(help="Recipients who are not to be written to.", no_args_is_help=True)


def pause(channel: ChannelName, reason: Reason, json: Json = False) -> None:
    """Begin nothing more on a channel, until `resume`. It holds across restarts; what waits is kept."""
    from notifier.outbox import ChannelStates

    why = given(reason)
    _known(channel)
    with connected() as engine:
        done = ChannelStates(engine, actor=operator()).pause(channel, why)
    if json:
        print_json({"channel": channel, "paused": done})
    else:
        say(f"{channel} is paused" if done else f"{channel} was paused already; see: notifier status")


def resume(channel: ChannelName, reason: Reason = "", json: Json = False) -> None:
    """Let a paused or parked channel run again. What waits goes out at the channel's rate.

    Who had stopped it, and why, is kept: notifier operations.
    """
    from notifier.outbox import ChannelStates

    _known(channel)
    with connected() as engine:
        done = ChannelStates(engine, actor=operator()).resume(channel, reason.strip() or None)
    if json:
        print_json({"channel": channel, "resumed": done})
    else:
        say(f"{channel} runs again" if done else f"{channel} was running")


@suppress.command("add")
def add(
    channel: ChannelName,
    address: Address,
    kind: Annotated[
        str, typer.Option(help="manual, or unsubscribe: transactional routes ignore that.", metavar="KIND")
    ] = "manual",
    topic: Annotated[str, typer.Option(help="Only this topic; otherwise all.")] = "",
    reason: Reason = "",
    note: Note = "",
    json: Json = False,
) -> None:
    """Write to this recipient no more."""
    from notifier.channels import checked_address
    from notifier.outbox import Suppressions

    if reason in (*_KINDS, *_OF_FEEDBACK):
        raise UsageError(f"--reason says why, in your own words; {reason!r} is a kind: --kind manual or unsubscribe")
    if kind not in _KINDS:
        raise UsageError(f"--kind is manual or unsubscribe, not {kind!r}; the others come from feedback")
    recipient = checked_address(channel, address)
    with connected() as engine:
        why = (reason or note).strip() or None
        added = Suppressions(engine, actor=operator()).add(channel, recipient, reason=kind, topic=topic, note=why)
    if json:
        print_json({"suppressed": added})
    else:
        say("suppressed" if added else "was suppressed already, for as strong a reason")


@suppress.command("remove")
def remove(
    channel: ChannelName,
    address: Address,
    topic: Annotated[str, typer.Option(help="Only this topic; otherwise every entry.")] = "*",
    reason: Reason = "",
    note: Note = "",
    json: Json = False,
) -> None:
    """Write to this recipient again. Exit 1 where none was suppressed."""
    from notifier.outbox import Suppressions

    with connected() as engine:
        mailbox = _address(channel, address)
        why = (reason or note).strip() or None
        removed = Suppressions(engine, actor=operator()).remove(channel, mailbox, topic=topic, note=why)
    if json:
        print_json({"removed": removed})
    else:
        say(f"{removed} removed" if removed else "was not suppressed")
    if not removed:
        raise typer.Exit(1)


@suppress.command("list")
def list_(
    channel: Annotated[str, typer.Option(help="Only this channel.")] = "",
    address: Annotated[str, typer.Option(help="Only this recipient; with --channel.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    reveal: Annotated[bool, typer.Option(help="Show recipients in full.")] = False,
    json: Json = False,
) -> None:
    """Who is suppressed, and why; the newest first."""
    from notifier.outbox import Suppressions

    if address and not channel:
        raise UsageError("--address needs --channel: each spells its recipients in its own way")
    with connected() as engine:
        mailbox = _address(channel, address) if address else ""
        found = Suppressions(engine, actor=operator()).list(channel=channel, address=mailbox, limit=limit)
    rows = [{**row, "address": row["address"] if reveal else masked(row["address"])} for row in found]
    if json:
        print_json({"suppressions": rows})
    else:
        columns = ("channel", "address", "topic", "reason", "since", "actor", "note")
        print_table("Suppressed", rows, columns, "Nobody.", spare=("actor", "topic", "since", "note"))


def _address(channel: str, address: str) -> str:
    from notifier.channels import address_of

    return address_of(channel, address)


def _known(channel: str) -> None:
    """Raises SettingsError that names the channels there are."""
    from notifier.channels import capability

    capability(channel)
