"""A webhook as a destination: one signed POST for each update, as the channel `webhook` sends it."""

import time
from collections.abc import Sequence
from typing import ClassVar

from notifier.outcomes import Accepted
from notifier.send_pool import Timeouts
from workers.channels.webhook.answers import outcome_of_answer, outcome_of_failure
from workers.channels.webhook.client import WebhookClient
from workers.channels.webhook.request import endpoint, signed_headers
from workers.status_updates.destination import OutgoingUpdate

_TIMEOUTS = Timeouts(3.0, 10.0)


class WebhookDestination:
    """The receiver behind a URL. A 2xx accepts an update; any other answer, or none, does not."""

    batch: ClassVar[int] = 1
    concurrency: ClassVar[int] = 16

    def __init__(self, url: str, secrets: Sequence[bytes], *, allow_private: bool) -> None:
        """Raise ValueError if the URL is not one of https. `allow_private`: http, and private addresses, too."""
        self.name = url
        self._url = endpoint(url, allow_http=allow_private, what="the URL")
        self._secrets = secrets
        self._client = WebhookClient(_TIMEOUTS, self.concurrency, allow_private=allow_private)

    def send(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        return [self._send_one(each) for each in updates]

    def close(self) -> None:
        self._client.close()

    def _send_one(self, update: OutgoingUpdate) -> str | None:
        body = update.body.encode()
        headers = signed_headers(update.id, body, int(time.time()), self._secrets, {})
        try:
            outcome = outcome_of_answer(self._client.post(self._url, headers, body), self._url)
        except Exception as error:  # noqa: BLE001  every update needs an answer
            outcome = outcome_of_failure(error, self._url)
        return None if isinstance(outcome, Accepted) else outcome.reason
