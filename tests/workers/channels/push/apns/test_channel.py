"""The channel `apns`: what APNs gets, what its answers mean, and who signs."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from notifier import Push
from notifier.doctor.finding import Level
from notifier.errors import SettingsError
from notifier.outcomes import Accepted, Blocked, Late, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from sandbox.embedded.allocation import free_port
from simulators.push.apns import ApnsFault, ApnsSimulator
from simulators.push.apns.account import TOPIC
from tests.workers.channels.push.apns.sending import ID, TOKEN, message, send
from workers.channels.push.apns import ApnsChannel, provider_token

Make = Callable[..., ApnsChannel]


def test_a_push_has_our_id_and_replaces_only_its_own_earlier_attempt(server: ApnsSimulator, make: Make) -> None:
    push = Push(
        f" {TOKEN.upper()}",
        title="Shipped",
        text="On its way, já",
        url="https://shop.example/17",
        data={"order": "17"},
        ttl=600,
    )
    began = int(time.time())
    assert send(make(), push) == Accepted(str(ID))
    (taken,) = server.pushes
    assert taken.path == f"/3/device/{TOKEN}"
    assert began + 600 <= int(taken.headers["apns-expiration"]) <= time.time() + 600
    assert {name: value for name, value in taken.headers.items() if name in {"apns-id", "apns-collapse-id"}} == {
        "apns-id": str(ID),
        "apns-collapse-id": str(ID),
    }
    assert taken.headers["apns-topic"] == TOPIC
    assert taken.headers["apns-push-type"] == "alert"
    assert taken.headers["apns-priority"] == "10"
    assert json.loads(taken.body) == {
        "aps": {"alert": {"title": "Shipped", "body": "On its way, já"}, "sound": "default"},
        "order": "17",
        "notification_id": str(ID),
        "url": "https://shop.example/17",
    }


def test_what_is_not_urgent_may_wait_and_makes_no_sound(server: ApnsSimulator, make: Make) -> None:
    send(make(), Push(TOKEN, text="x", urgent=False, collapse="offers"))
    (taken,) = server.pushes
    assert (taken.headers["apns-priority"], taken.headers["apns-collapse-id"]) == ("5", "offers")
    assert json.loads(taken.body)["aps"] == {"alert": {"body": "x"}}


@pytest.mark.parametrize(
    ("ttl", "left", "kept"),
    [(None, None, 2_419_200), (600, None, 600), (None, 90, 90), (600, 90, 90), (60, 90, 60)],
)
def test_apns_keeps_a_push_no_longer_than_it_is_of_use(
    ttl: int | None, left: int | None, kept: int, server: ApnsSimulator, make: Make
) -> None:
    now = time.time()
    send(make(), Push(TOKEN, text="x", ttl=ttl), expires_at=None if left is None else now + left)
    expires = int(server.pushes[0].headers["apns-expiration"])
    assert now + kept - 2 <= expires <= time.time() + kept


@pytest.mark.parametrize(("ttl", "left"), [(0, None), (None, -5)])
def test_a_push_for_now_or_never_is_not_kept(
    ttl: int | None, left: int | None, server: ApnsSimulator, make: Make
) -> None:
    send(make(), Push(TOKEN, text="x", ttl=ttl), expires_at=None if left is None else time.time() + left)
    assert server.pushes[0].headers["apns-expiration"] == "0"


@pytest.mark.parametrize(
    ("status", "reason", "expected", "gone"),
    [
        (410, "Unregistered", Rejected, True),
        (410, "ExpiredToken", Rejected, True),
        (400, "BadDeviceToken", Rejected, True),
        (400, "DeviceTokenNotForTopic", Rejected, False),
        (400, "BadCollapseId", Rejected, False),
        (413, "PayloadTooLarge", Rejected, False),
        (404, "BadPath", Rejected, False),
        (400, "IdleTimeout", NotSent, False),
        (429, "TooManyRequests", NotSent, False),
        (429, "TooManyProviderTokenUpdates", Throttled, False),
        (500, "InternalServerError", NotSent, False),
        (503, "Shutdown", NotSent, False),
        (503, "ServiceUnavailable", Throttled, False),
        (403, "InvalidProviderToken", Blocked, False),
        (403, "MissingProviderToken", Blocked, False),
        (403, "BadEnvironmentKeyIdInToken", Blocked, False),
        (403, "a reason of next year", Blocked, False),
        (400, "TopicDisallowed", Blocked, False),
        (400, "BadTopic", Blocked, False),
        (500, "", Unknown, False),
        (502, "", Unknown, False),
        (302, "", Unknown, False),
    ],
)
def test_each_answer_is_one_request_and_one_outcome(
    status: int, reason: str, expected: type[Outcome], gone: bool, server: ApnsSimulator, make: Make
) -> None:
    channel = make()
    send(channel)
    server.faults = [ApnsFault(status, reason)]
    outcome = send(channel)
    assert type(outcome) is expected
    assert getattr(outcome, "gone", False) is gone
    assert TOKEN not in getattr(outcome, "reason", "")
    assert (server.requests, len(server.pushes)) == (2, 1)


def test_a_text_that_is_not_of_apns_is_repeated_without_the_token(server: ApnsSimulator, make: Make) -> None:
    server.faults = [ApnsFault(502, body=f"<p>no way to {TOKEN.upper()} and\n{TOKEN}".encode())]
    outcome = send(make())
    assert isinstance(outcome, Unknown)
    assert outcome.reason == "502 <p>no way to … and …"


def test_no_token_is_suppressed_before_apns_has_accepted_one_of_this_environment(
    server: ApnsSimulator, make: Make
) -> None:
    server.faults = [ApnsFault(400, "BadDeviceToken")]
    channel = make()
    outcome = send(channel)
    assert isinstance(outcome, Rejected)
    assert not outcome.gone
    assert "NOTIFIER_APNS_ENVIRONMENT" in outcome.reason
    server.faults = []
    assert isinstance(send(channel), Accepted)
    server.faults = [ApnsFault(400, "BadDeviceToken")]
    assert getattr(send(channel), "gone", None) is True


def test_an_app_that_the_route_names_is_the_topic_and_its_mistake_parks_nothing(
    server: ApnsSimulator, make: Make
) -> None:
    outcome = send(make(), Push(TOKEN, text="x", app="com.example.other"))
    assert isinstance(outcome, Rejected)
    assert "TopicDisallowed" in outcome.reason
    server.topic = "com.example.other"
    assert isinstance(send(make(), Push(TOKEN, text="x", app="com.example.other")), Accepted)


@pytest.mark.parametrize(
    ("push", "text"),
    [
        (Push(TOKEN, text="x" * 4_050), "4,1"),
        (Push(TOKEN, text="x", data={"aps": "1"}), "aps"),
        (Push(TOKEN, text="x", data={"number": 1}), "number"),  # type: ignore[dict-item]
        (Push(TOKEN, text="x", collapse="ß"), "collapse"),
        (Push(TOKEN, text="x", ttl=-1), "ttl"),
        (Push(TOKEN, text="x", app="com.example\r\nx: y"), "app"),
        (Push(TOKEN[:-1], text="x"), "device token"),
        (Push(TOKEN), "empty"),
    ],
)
def test_what_apns_would_refuse_is_rejected_without_a_request(
    push: Push, text: str, server: ApnsSimulator, make: Make
) -> None:
    outcome = send(make(), push)
    assert isinstance(outcome, Rejected)
    assert text in outcome.reason
    assert TOKEN[:-1] not in outcome.reason
    assert server.connections == 0


def test_the_largest_payload_is_accepted(server: ApnsSimulator, make: Make) -> None:
    channel = make()
    send(channel, Push(TOKEN, text="x"))
    room = 4_096 - len(server.pushes[0].body) + 1
    assert isinstance(send(channel, Push(TOKEN, text="x" * room)), Accepted)
    assert isinstance(send(channel, Push(TOKEN, text="x" * (room + 1))), Rejected)
    assert len(server.pushes[1].body) == 4_096
    assert server.requests == 2  # what is larger is not sent


def test_a_token_signs_many_pushes_and_is_replaced_within_the_hour(
    server: ApnsSimulator, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(provider_token, "boottime", lambda: now[0])
    channel = make()
    for minutes, tokens in ((0, 1), (19, 1), (39, 1), (41, 2), (80, 2), (82, 3)):
        now[0] = 1_000_000.0 + 60 * minutes
        assert isinstance(send(channel), Accepted)
        assert len(server.account.tokens) == tokens


def test_an_expired_token_is_renewed_once_by_all_threads_together(server: ApnsSimulator, make: Make) -> None:
    channel = make()
    send(channel)
    server.account.expired = set(server.account.tokens)
    outcomes = channel.send([message() for _ in range(8)])
    assert {type(each) for each in outcomes} == {Accepted}
    assert len(server.account.tokens) == 2


def test_a_clock_that_is_wrong_parks_the_channel_and_makes_no_token_for_each_try(
    server: ApnsSimulator, make: Make
) -> None:
    server.faults = [ApnsFault(403, "ExpiredProviderToken")]
    channel = make()
    for _ in range(3):
        outcome = send(channel)
        assert isinstance(outcome, Blocked)
        assert "clock" in outcome.reason
    assert len(channel._token._token) > 0
    assert server.requests == 4  # the first push was signed anew


def test_a_push_whose_time_is_over_when_its_token_is_renewed_counts_as_no_attempt(
    server: ApnsSimulator, make: Make
) -> None:
    channel = make()
    send(channel)
    server.account.expired = set(server.account.tokens)
    asked: list[bool] = []

    def ends() -> bool:
        asked.append(True)
        return len(asked) > 1

    assert isinstance(send(channel, ends=ends), Late)
    assert len(server.pushes) == 1


def test_a_server_out_of_reach_was_sent_nothing(make: Make) -> None:
    assert isinstance(send(make(apns_endpoint_url=f"http://127.0.0.1:{free_port()}")), Offline)


@pytest.mark.parametrize(
    "changes",
    [
        {"apns_key": None},
        {"apns_key": SecretStr("bm90IGEga2V5")},
        {"apns_key": SecretStr("no base64")},
        {"apns_key_id": ""},
        {"apns_team_id": ""},
        {"apns_topic": ""},
    ],
)
def test_a_missing_setting_is_named(changes: dict[str, Any], make: Make) -> None:
    with pytest.raises(SettingsError, match=f"NOTIFIER_{next(iter(changes)).upper()}"):
        make(**changes)


@pytest.mark.parametrize("between", ["", " ", "\\n"])
def test_the_key_may_stand_between_its_first_and_last_line(between: str, server: ApnsSimulator, make: Make) -> None:
    first, last = (f"-----{word} PRIVATE KEY-----" for word in ("BEGIN", "END"))
    lines = (first, server.account.key, last)
    assert isinstance(send(make(apns_key=SecretStr(between.join(lines)))), Accepted)


def test_the_environment_chooses_the_host(make: Make) -> None:
    assert make(apns_endpoint_url="")._url == "https://api.push.apple.com"
    assert make(apns_endpoint_url="", apns_environment="sandbox")._url == "https://api.sandbox.push.apple.com"


def test_doctor_asks_apns_without_a_device(server: ApnsSimulator, make: Make) -> None:
    (finding,) = make().examine()
    assert finding.level is Level.GOOD
    assert server.pushes == []
    (finding,) = make(apns_key_id="XXXXXXXXXX").examine()
    assert finding.level is Level.WRONG
    assert "InvalidProviderToken" in finding.what
    (finding,) = make(apns_topic="com.example.wrong").examine()
    assert finding.level is Level.WRONG
    (finding,) = make(apns_endpoint_url=f"http://127.0.0.1:{free_port()}").examine()
    assert finding.level is Level.WRONG


def test_no_secret_is_shown(
    server: ApnsSimulator, make: Make, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    channel = make()
    server.faults = [ApnsFault(then="accept_then_cut")]
    with capture_logs() as logs:
        outcomes = [send(channel)]
        server.faults = [ApnsFault(403, "InvalidProviderToken")]
        outcomes += [send(channel)]
        findings = list(channel.examine())
    written = capsys.readouterr()
    shown = f"{outcomes}{findings}{logs}{caplog.text}{written.out}{written.err}"
    for secret in (server.account.key, TOKEN, *server.account.tokens):
        assert secret not in shown


def test_all_threads_wait_for_one_token_only(server: ApnsSimulator, make: Make) -> None:
    channel = make()
    together = threading.Barrier(4)

    def one() -> None:
        together.wait()
        channel.send([message()])

    threads = [threading.Thread(target=one) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(server.pushes), len(server.account.tokens)) == (4, 1)
