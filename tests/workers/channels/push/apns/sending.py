"""Makes channels that send to the simulator of APNs, and sends with them."""

from typing import Any
from uuid import UUID

from pydantic import SecretStr

from notifier import Push
from notifier.messages import Message, PushContent
from notifier.outcomes import Outcome
from notifier.testing import channel_settings
from simulators.push.apns import ApnsSimulator
from simulators.push.apns.account import KEY_ID, TEAM_ID, TOPIC
from workers.channels.push.apns import ApnsChannel

TOKEN = "0123456789abcdef" * 4
ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def channel_of(server: ApnsSimulator, **changes: Any) -> ApnsChannel:
    given = {
        "apns_key": SecretStr(server.account.key),
        "apns_key_id": KEY_ID,
        "apns_team_id": TEAM_ID,
        "apns_topic": TOPIC,
        "apns_endpoint_url": server.url,
    }
    return ApnsChannel(channel_settings(**{**given, **changes}))


def message(push: Push | None = None, **more: Any) -> Message[Push, PushContent]:
    push = push or Push(TOKEN, text="Your order is on its way")
    return Message(ID, 1, push, PushContent(push.title or "", push.text or ""), **more)


def send(channel: ApnsChannel, push: Push | None = None, **more: Any) -> Outcome:
    (outcome,) = channel.send([message(push, **more)])
    return outcome
