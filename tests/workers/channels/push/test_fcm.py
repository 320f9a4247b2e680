"""The channel `push`: what FCM gets, and what its answers mean."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from google.auth.exceptions import TransportError
from structlog.testing import capture_logs

from notifier import Push
from notifier.doctor.finding import Level
from notifier.errors import SettingsError
from notifier.messages import Message, PushContent
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from notifier.testing import channel_settings
from sandbox.embedded.allocation import free_port
from simulators.push import PushFault, PushSimulator
from workers.channels.push.fcm import FcmChannel

TOKEN = "registration-token:0123456789"
ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
Make = Callable[..., FcmChannel]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PushSimulator]:
    with PushSimulator() as simulator:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(simulator.key_file(tmp_path)))
        yield simulator


@pytest.fixture
def make(server: PushSimulator) -> Iterator[Make]:
    made: list[FcmChannel] = []

    def make(**changes: Any) -> FcmChannel:
        made.append(FcmChannel(channel_settings(**{"fcm_endpoint_url": server.url, **changes})))
        return made[-1]

    yield make
    for channel in made:
        channel.close()


def send(channel: FcmChannel, push: Push | None = None) -> Outcome:
    push = push or Push(TOKEN, text="Your order is on its way")
    (outcome,) = channel.send([Message(ID, 1, push, PushContent(push.title or "", push.text or ""))])
    return outcome


def test_a_push_has_our_id_and_replaces_only_its_own_earlier_attempt(server: PushSimulator, make: Make) -> None:
    push = Push(
        TOKEN, title="Shipped", text="On its way", url="https://shop.example/17", data={"order": "17"}, ttl=600
    )
    began = int(time.time())
    outcome = send(make(), push)
    assert isinstance(outcome, Accepted)
    assert outcome.message_id is not None
    assert outcome.message_id.startswith("0:")
    (taken,) = server.pushes
    assert taken.path == "/v1/projects/a-project/messages:send"
    expires = int(taken.body["message"]["apns"]["headers"].pop("apns-expiration"))
    assert began + 600 <= expires <= time.time() + 600
    assert taken.body["message"] == {
        "token": TOKEN,
        "notification": {"title": "Shipped", "body": "On its way"},
        "data": {"order": "17", "notification_id": str(ID), "url": "https://shop.example/17"},
        "android": {
            "collapse_key": str(ID),
            "ttl": "600s",
            "priority": "HIGH",
            "notification": {"tag": str(ID)},
        },
        "apns": {"headers": {"apns-id": str(ID), "apns-collapse-id": str(ID), "apns-priority": "10"}},
        "webpush": {
            "headers": {"TTL": "600", "Urgency": "high"},
            "notification": {"tag": str(ID)},
            "fcm_options": {"link": "https://shop.example/17"},
        },
    }


@pytest.mark.parametrize(
    ("fault", "expected", "gone"),
    [
        (PushFault(404, "UNREGISTERED"), Rejected, True),
        (PushFault(400, "INVALID_ARGUMENT"), Rejected, False),
        (PushFault(403, "SENDER_ID_MISMATCH"), Rejected, False),
        (PushFault(429, "QUOTA_EXCEEDED"), Throttled, False),
        (PushFault(401, "THIRD_PARTY_AUTH_ERROR"), NotSent, False),
        (PushFault(503, "UNAVAILABLE", {"Retry-After": "9"}), Throttled, False),
        (PushFault(503, "UNAVAILABLE"), Unknown, False),
        (PushFault(500, "INTERNAL"), Unknown, False),
        (PushFault(403, "PERMISSION_DENIED"), Blocked, False),
        (PushFault(404, "NOT_FOUND"), Blocked, False),
        (PushFault(302, ""), Unknown, False),
    ],
)
def test_each_answer_is_one_request_and_one_outcome(
    fault: PushFault, expected: type[Outcome], gone: bool, server: PushSimulator, make: Make
) -> None:
    server.faults = [fault]
    outcome = send(make())
    assert type(outcome) is expected
    assert getattr(outcome, "gone", False) is gone
    assert TOKEN not in getattr(outcome, "reason", "")
    assert server.requests == 1


@pytest.mark.parametrize(("ttl", "expires"), [(0, "0"), (None, None)])
def test_ios_keeps_a_push_as_long_as_android_does(
    ttl: int | None, expires: str | None, server: PushSimulator, make: Make
) -> None:
    send(make(), Push(TOKEN, text="x", ttl=ttl))
    assert server.pushes[0].body["message"]["apns"]["headers"].get("apns-expiration") == expires


def test_a_push_is_kept_no_longer_than_it_is_of_use(server: PushSimulator, make: Make) -> None:
    message = Message(ID, 1, Push(TOKEN, text="x"), PushContent("", "x"), expires_at=time.time() + 90.5)
    make().send([message])
    sent = server.pushes[0].body["message"]
    assert sent["android"]["ttl"] == f"{sent['webpush']['headers']['TTL']}s"
    assert 60 < int(sent["webpush"]["headers"]["TTL"]) <= 90
    assert time.time() + 60 < int(sent["apns"]["headers"]["apns-expiration"]) <= time.time() + 90


def test_a_throttle_waits_as_long_as_fcm_asks(server: PushSimulator, make: Make) -> None:
    channel = make()
    for headers, seconds in (({"Retry-After": "120"}, 120.0), ({}, 60.0)):
        server.faults = [PushFault(429, "QUOTA_EXCEEDED", headers)]
        outcome = send(channel)
        assert isinstance(outcome, Throttled)
        assert outcome.after == seconds


def test_one_access_token_serves_many_pushes(server: PushSimulator, make: Make) -> None:
    channel = make()
    assert {type(send(channel)) for _ in range(3)} == {Accepted}
    assert len(server.tokens) == 1


def test_without_an_access_token_nothing_is_sent_and_no_secret_is_shown(
    server: PushSimulator, make: Make, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:  # fmt: skip
    server.token_status = 400
    channel = make()
    with capture_logs() as logs:
        outcome = send(channel)
        (finding,) = channel.examine()
    assert isinstance(outcome, Blocked)
    assert finding.level is Level.WRONG
    assert server.requests == 0
    key = (tmp_path / "service-account.json").read_text().split("\\n")[5]
    written = capsys.readouterr()
    assert key not in f"{outcome}{finding}{logs}{caplog.text}{written.out}{written.err}"


def test_messages_that_wait_for_an_access_token_share_its_failure(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, waiting, go_on = make(), threading.Semaphore(0), threading.Event()
    token, asked = channel._credentials.token, list[object]()

    def counted() -> str:
        waiting.release()
        return token()

    def hangs(request: object) -> None:
        asked.append(request)
        go_on.wait()
        raise TransportError("no answer")

    monkeypatch.setattr(channel._credentials, "token", counted)
    monkeypatch.setattr(channel._credentials._google, "refresh", hangs)
    messages = [Message(ID, 1, Push(TOKEN, text="x"), PushContent("", "x"))] * 8
    with ThreadPoolExecutor(1) as threads:
        outcomes = threads.submit(channel.send, messages)
        for _ in messages:
            waiting.acquire()
        go_on.set()
        assert {type(each) for each in outcomes.result()} == {Offline}
    assert len(asked) == 1


def test_a_push_whose_time_is_over_when_the_access_token_comes_counts_as_no_attempt(
    make: Make, server: PushSimulator
) -> None:
    ends = iter((False, True))
    message = Message(ID, 1, Push(TOKEN, text="x"), PushContent("", "x"), ends=lambda: next(ends))
    assert isinstance(make().send([message])[0], Late)
    assert server.requests == 0


def test_an_access_token_that_fcm_refuses_parks_the_channel(server: PushSimulator, make: Make) -> None:
    channel = make()
    assert [each.level for each in channel.examine()] == [Level.GOOD]
    server.tokens.clear()
    assert isinstance(send(channel), Blocked)


def test_a_service_out_of_reach_is_offline(make: Make) -> None:
    assert isinstance(send(make(fcm_endpoint_url=f"http://127.0.0.1:{free_port()}")), Offline)


def test_fcm_may_have_a_private_address(make: Make, server: PushSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.channels.push.fcm.channel.ENDPOINT", server.url)
    assert isinstance(send(make(fcm_endpoint_url="")), Accepted)


@pytest.mark.parametrize(
    "push",
    [
        Push(TOKEN, text=""),
        Push(TOKEN, text="x" * 5000),
        Push(TOKEN, text="x", data={"from": "me"}),
        Push(TOKEN, text="x", data={"n": 1}),  # type: ignore[dict-item]
        Push(TOKEN, text="x", ttl=-1),
        Push(TOKEN, text="x", collapse="x" * 65),
    ],
)
def test_what_fcm_would_refuse_is_rejected_before_it_is_sent(push: Push, server: PushSimulator, make: Make) -> None:
    assert isinstance(send(make(), push), Rejected)
    assert server.requests == 0


def test_missing_credentials_are_said_before_a_worker_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(SettingsError, match="GOOGLE_APPLICATION_CREDENTIALS"):
        FcmChannel.check(channel_settings())
