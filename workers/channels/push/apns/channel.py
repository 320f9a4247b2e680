"""The channel `apns`: one request to APNs for each device."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

import httpx

from notifier.channels import Capability
from notifier.doctor.finding import Finding, good, wrong
from notifier.errors import SettingsError
from notifier.messages import Message, Push, PushContent
from notifier.outcomes import Accepted, Late, NotSent, Offline, Outcome, Rejected, Unknown, discreet
from notifier.send_pool import SendPool, timeouts
from notifier.settings import Settings
from notifier.templates import Templates
from workers.channels.push.apns.errors import NotConnected, NotProcessed
from workers.channels.push.apns.outcomes import EXPIRED, outcome_of_answer, reason_of
from workers.channels.push.apns.provider_token import ProviderToken
from workers.channels.push.apns.request import address_of, device_of, headers_of, payload_of
from workers.channels.push.apns.response import ApnsResponse
from workers.channels.push.content import rendered

CONCURRENCY = 64
"""Concurrent requests, each on a connection of its own."""
HOSTS = {"production": "https://api.push.apple.com", "sandbox": "https://api.sandbox.push.apple.com"}
_PAGE = "docs/push.md"
_NO_DEVICE = "0" * 64
_OF_NO_DEVICE = frozenset(("BadDeviceToken", "DeviceTokenNotForTopic", "Unregistered", "ExpiredToken"))


class ApnsChannel:
    """The channel `apns`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Push

    def __init__(self, settings: Settings) -> None:
        _need_libraries()
        from workers.channels.push.apns.connections import Connections

        if not settings.apns_topic:
            raise SettingsError("NOTIFIER_APNS_TOPIC is not set: the bundle id of the app, as com.example.shop")
        self._topic = settings.apns_topic
        self._token = ProviderToken(settings)
        self._url = settings.apns_endpoint_url or HOSTS[settings.apns_environment]
        self._connections = Connections(httpx.URL(self._url), timeouts(settings.send_lease_seconds))
        self._pool = SendPool("apns", settings.send_lease_seconds, CONCURRENCY)
        self._proven = False

    @staticmethod
    def check(settings: Settings) -> None:
        """Raise SettingsError if a library, the key, its ids or the topic are missing."""
        ApnsChannel(settings).close()

    @staticmethod
    def address(to: str) -> str:
        return address_of(to)

    @staticmethod
    def checked_address(to: str) -> str:
        return device_of(to)

    def rate(self) -> float | None:
        return None

    def render(self, request: Push, templates: Templates) -> PushContent:
        return rendered(request, templates)

    def send(self, messages: Sequence[Message[Push, PushContent]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one)

    def examine(self) -> Iterator[Finding]:
        """Yield for `notifier doctor` whether APNs takes the key, by a push to a device token that no device has."""
        headers = {"apns-topic": self._topic, "apns-push-type": "background", "apns-priority": "5"}
        found = self._answer(_NO_DEVICE, headers, b'{"aps":{"content-available":1}}')
        if not isinstance(found, ApnsResponse):
            yield wrong(f"APNs cannot be reached: {getattr(found, 'reason', '')}", "", _PAGE)
        elif (code := reason_of(found)) in _OF_NO_DEVICE:
            yield good(f"APNs takes the key, for {self._topic} at {self._url}")
        else:
            refused = outcome_of_answer(found, _NO_DEVICE, own_app=False, proven=True)
            yield wrong(f"APNs answers {getattr(refused, 'reason', code)} to a push for no device", "", _PAGE)

    def close(self) -> None:
        self._pool.close()
        self._connections.close()

    def _send_one(self, message: Message[Push, PushContent]) -> Outcome:
        try:
            device, body = device_of(message.request.to), payload_of(message)
            headers = headers_of(message, self._topic, time.time())
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error))
        found = self._answer(device, headers, body, message.late)
        if not isinstance(found, ApnsResponse):
            return found
        outcome = outcome_of_answer(found, device, own_app=message.request.app is not None, proven=self._proven)
        self._proven = self._proven or isinstance(outcome, Accepted)
        return outcome

    def _answer(
        self, device: str, headers: Mapping[str, str], body: bytes, late: Callable[[], str | None] = lambda: None
    ) -> ApnsResponse | Outcome:
        """Return the answer of APNs, or the outcome of a push that has none.

        A token that APNs calls expired is renewed once. `late` returns why no second request may start.
        """
        token = self._token.current()
        found = self._posted(device, headers, body, token)
        if not isinstance(found, ApnsResponse) or reason_of(found) != EXPIRED:
            return found
        renewed = self._token.renewed(token)
        if renewed is None:
            return found
        if reason := late():
            return Late(reason)
        return self._posted(device, headers, body, renewed)

    def _posted(self, device: str, headers: Mapping[str, str], body: bytes, token: str) -> ApnsResponse | Outcome:
        try:
            return self._connections.post(
                f"/3/device/{device}", {"authorization": f"bearer {token}", **headers}, body
            )
        except NotConnected as error:
            return Offline(discreet(f"APNs: {error}", device, token))
        except NotProcessed as error:
            return NotSent(discreet(f"APNs has not processed it: {error}", device, token))
        except Exception as error:  # noqa: BLE001 - every message needs an outcome
            return Unknown(discreet(f"{type(error).__name__}: {error}", device, token))


def _need_libraries() -> None:
    try:
        import h2  # noqa: F401
        import jwt  # noqa: F401
    except ImportError:
        raise SettingsError("the channel apns needs h2 and pyjwt: pip install 'dynamodb-notifier[apns]'") from None
