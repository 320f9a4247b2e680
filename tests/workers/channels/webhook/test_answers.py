import time
from email.utils import formatdate

import httpcore
import httpx
import pytest

from notifier.outcomes import Accepted, NotSent, Outcome, Rejected, Throttled, Unknown
from workers.channels.webhook.answers import outcome_of_answer, outcome_of_failure, retry_after
from workers.channels.webhook.client import WebhookResponse
from workers.channels.webhook.network import AddressRefused

URL = httpx.URL("https://hooks.example.com/services/T0001/secret-part?token=abcdefgh&x=1")

STATUSES: dict[int, tuple[type[Outcome], type[Outcome]]] = {
    # status: without Retry-After, with it
    **dict.fromkeys((200, 201, 202, 204, 299), (Accepted, Accepted)),
    **dict.fromkeys((300, 301, 302, 303, 304, 307, 308), (Rejected, Rejected)),
    **dict.fromkeys((400, 401, 403, 404, 405, 406, 410, 413, 415, 418, 422, 451, 499), (Rejected, Rejected)),
    **dict.fromkeys((408, 409, 425), (NotSent, Throttled)),
    429: (Throttled, Throttled),
    503: (Unknown, Throttled),
    **dict.fromkeys((101, 500, 501, 502, 504, 520, 599, 999), (Unknown, Unknown)),
}


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_has_its_outcome(status: int) -> None:
    without, with_it = STATUSES[status]
    assert type(outcome_of_answer(WebhookResponse(status, {}, "no"), URL)) is without
    assert type(outcome_of_answer(WebhookResponse(status, {"retry-after": "30"}, "no"), URL)) is with_it


def test_retry_after_is_passed_on() -> None:
    outcome = outcome_of_answer(WebhookResponse(429, {"retry-after": "30"}, "slow down"), URL)
    assert outcome == Throttled("429 Too Many Requests: slow down", 30.0)
    assert outcome_of_answer(WebhookResponse(429, {}, ""), URL) == Throttled("429 Too Many Requests", None)


@pytest.mark.parametrize("value", [None, "", "soon", "-1", "1.5", "٣", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_an_invalid_retry_after_is_ignored(value: str | None) -> None:
    assert retry_after(value) is None


def test_retry_after_may_be_a_date() -> None:
    assert 3590 < (retry_after(formatdate(time.time() + 3600, usegmt=True)) or 0) <= 3601
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("9" * 400) == 999_999_999


@pytest.mark.parametrize(
    "said",
    [
        "no hook https://hooks.example.com/services/T0001/secret-part?token=abcdefgh&x=1 here",
        "no route /services/T0001/secret-part?token=abcdefgh&x=1",
        "host hooks.example.com is not served",
        "secret-part and abcdefgh are unknown",
    ],
)
def test_a_reason_does_not_quote_the_url(said: str) -> None:
    for outcome in (
        outcome_of_answer(WebhookResponse(404, {}, said), URL),
        outcome_of_failure(httpcore.ConnectError(said), URL),
        outcome_of_failure(httpcore.ReadError(said), URL),
    ):
        assert not isinstance(outcome, Accepted)
        for part in ("hooks.example.com", "secret-part", "abcdefgh"):
            assert part not in outcome.reason
        assert "…" in outcome.reason


def test_a_reason_is_one_short_line() -> None:
    outcome = outcome_of_answer(WebhookResponse(500, {}, "<h1>\r\n\x1b[31m\u2028oops" + "x" * 2000), URL)
    assert isinstance(outcome, Unknown)
    assert outcome.reason.isprintable()
    assert len(outcome.reason) < 300


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AddressRefused(), Rejected),
        (httpcore.ConnectError("refused"), NotSent),
        (httpcore.ConnectTimeout(), NotSent),
        (httpcore.PoolTimeout(), NotSent),
        (httpcore.WriteTimeout(), Unknown),
        (httpcore.WriteError(), Unknown),
        (httpcore.ReadTimeout(), Unknown),
        (httpcore.ReadError(), Unknown),
        (httpcore.RemoteProtocolError(), Unknown),
        (RuntimeError("whatever"), Unknown),
    ],
)
def test_each_failure_has_its_outcome(error: Exception, kind: type[Outcome]) -> None:
    assert type(outcome_of_failure(error, URL)) is kind
