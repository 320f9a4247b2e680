"""`notifier pause`, `resume`: whether a channel sends."""

from notifier.cli.actor import actor
from notifier.cli.connection import connected
from notifier.cli.options.channel import ChannelArgument, check_exists
from notifier.cli.options.reason import Reason, given
from notifier.cli.terminal.output import Json, print_json, say
from notifier.outbox import ChannelStates


def pause(channel: ChannelArgument, reason: Reason, json: Json = False) -> None:
    """Begin no more attempts on a channel until `resume`, also after a restart. What waits is kept."""
    why = given(reason)
    check_exists(channel)
    with connected() as engine:
        done = ChannelStates(engine, actor=actor()).pause(channel, why)
    if json:
        print_json({"channel": channel, "paused": done})
    else:
        say(f"{channel} is paused" if done else f"{channel} was paused already; see: notifier status")


def resume(channel: ChannelArgument, reason: Reason = "", json: Json = False) -> None:
    """Let a paused or parked channel send again. Waiting messages are sent at the channel's rate.

    `notifier operations` shows who stopped it, and why.
    """
    check_exists(channel)
    with connected() as engine:
        done = ChannelStates(engine, actor=actor()).resume(channel, reason.strip() or None)
    if json:
        print_json({"channel": channel, "resumed": done})
    else:
        say(f"{channel} runs again" if done else f"{channel} was running")
