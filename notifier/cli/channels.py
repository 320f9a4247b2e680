"""`notifier pause`, `resume`, `suppress`: who is written to, and on which channel."""

from typing import Annotated

import typer

from notifier.cli.output import Json, connected, masked, operator, print_json, print_table
from notifier.errors import UsageError

ChannelName = Annotated[str, typer.Argument(help="email, sms, webhook, ...")]
Address = Annotated[str, typer.Argument(help="The recipient.")]
Note = Annotated[str, typer.Option(help="Why. It is kept.")]

suppress = typer.Typer(help="Recipients who are not to be written to.", no_args_is_help=True)


def pause(
    channel: ChannelName,
    reason: Annotated[str, typer.Option(help="Why. It is shown to all.")],
    json: Json = False,
) -> None:
    """Begin nothing more on a channel, until `resume`. It holds across restarts; what waits is kept."""
    from notifier.outbox import Channels

    _known(channel)
    with connected() as engine:
        done = Channels(engine, actor=operator()).pause(channel, reason)
    if json:
        print_json({"channel": channel, "paused": done})
    else:
        typer.echo(f"{channel} is paused" if done else f"{channel} was paused already")


def resume(channel: ChannelName, json: Json = False) -> None:
    """Let a paused or parked channel run again. What waits goes out at the channel's rate."""
    from notifier.outbox import Channels

    _known(channel)
    with connected() as engine:
        done = Channels(engine, actor=operator()).resume(channel)
    if json:
        print_json({"channel": channel, "resumed": done})
    else:
        typer.echo(f"{channel} runs again" if done else f"{channel} was running")


@suppress.command("add")
def add(
    channel: ChannelName,
    address: Address,
    reason: Annotated[str, typer.Option(help="manual, or unsubscribe: transactional routes ignore that.")] = "manual",
    topic: Annotated[str, typer.Option(help="Only this topic; otherwise all.")] = "",
    note: Note = "",
    json: Json = False,
) -> None:
    """Write to this recipient no more."""
    from notifier.channels import checked_address
    from notifier.outbox import Suppressions

    if reason not in ("manual", "unsubscribe"):
        raise UsageError(f"--reason is manual or unsubscribe, not {reason!r}; the others come from feedback")
    recipient = checked_address(channel, address)
    with connected() as engine:
        added = Suppressions(engine, actor=operator()).add(channel, recipient, reason=reason, topic=topic, note=note)
    if json:
        print_json({"suppressed": added})
    else:
        typer.echo("suppressed" if added else "was suppressed already, for as strong a reason")


@suppress.command("remove")
def remove(
    channel: ChannelName,
    address: Address,
    topic: Annotated[str, typer.Option(help="Only this topic; otherwise every entry.")] = "*",
    note: Note = "",
    json: Json = False,
) -> None:
    """Write to this recipient again. Exit 1 where none was suppressed."""
    from notifier.outbox import Suppressions

    with connected() as engine:
        mailbox = _address(channel, address)
        removed = Suppressions(engine, actor=operator()).remove(channel, mailbox, topic=topic, note=note)
    if json:
        print_json({"removed": removed})
    else:
        typer.echo(f"{removed} removed" if removed else "was not suppressed")
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
        print_table(
            "Suppressed", rows, ("channel", "address", "topic", "reason", "since", "actor", "note"), "Nobody."
        )


def _address(channel: str, address: str) -> str:
    from notifier.channels import address_of

    return address_of(channel, address)


def _known(channel: str) -> None:
    """Raises SettingsError that names the channels there are."""
    from notifier.channels import capability

    capability(channel)
