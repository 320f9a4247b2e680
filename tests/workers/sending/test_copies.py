"""Mails to several addresses: one request, and each address is asked for suppressions and opt-outs."""

import time
from typing import Any
from uuid import UUID

import pytest

from notifier import Email, Event
from notifier.notifications import Status
from notifier.operating.person import person_of
from notifier.outbox import Erasure, ErasureKeys, Search, Selection, Suppressions
from tests.workers.conftest import ses, templates_path
from tests.workers.test_deliverer import Environment, env
from tests.workers.test_recipients import TEAM, restricted
from workers.sending.bucket import TokenBucket

__all__ = ["env", "ses", "templates_path"]

ANA, BO, CY, DI = (f"{each}@example.com" for each in ("ana", "bo", "cy", "di"))


def deliver(env: Environment, id_: UUID, *, options: dict[str, Any] | None = None, **to: Any) -> dict[str, Any]:
    def build(event: Event) -> Email:
        return Email(template="hello", context={"name": "Ana"}, **{"to": [ANA, f"Bo <{BO}>"], **to})

    env.deliverer(build, **(options or {})).deliver([id_])
    return env.rows.delivery(id_)


def suppress(env: Environment, *addresses: str, **how: str) -> None:
    for each in addresses:
        Suppressions(env.rows.engine, actor="test").add("email", each, **{"reason": "manual", **how})


def shown(env: Environment, id_: UUID) -> dict[str, Any]:
    message_id = env.mails(id_)[0]["message_id"]
    found: dict[str, Any] = env.ses.get(f"/_sim/inbox/{message_id}")
    return found


@pytest.mark.parametrize("mode", ["single", "bulk"])
def test_one_mail_goes_to_all_of_them(env: Environment, mode: str) -> None:
    env.channel._mode = mode
    (id_,) = env.pending("x@example.com")
    row = deliver(env, id_, cc=CY, bcc=[DI])
    assert (row["status"], row["recipient"], row["reason"]) == ("sent", ANA, None)
    mail = shown(env, id_)
    assert (mail["to"], mail["cc"], mail["bcc"]) == ([ANA, f"Bo <{BO}>"], [CY], [DI])
    assert env.ses.get("/_sim/counts")["requests"] == 1
    assert {each["message_id"] for each in env.mails(id_)} == {mail["id"]}


def test_it_is_found_by_each_of_them_and_each_is_erased(env: Environment) -> None:
    """The record has no address: the route knew the addresses from elsewhere."""
    (id_,) = env.pending("x@example.com")
    deliver(env, id_, cc=f"Cy <{CY.upper()}>", bcc=[DI])
    search = Search(env.rows.engine, budget=None)
    for each in (ANA, BO, CY, DI):
        assert search.ids(Selection(recipients=[each])) == [id_]
    for each in (BO, DI):
        *_, done = Erasure(env.rows.engine, actor="eva", keys=ErasureKeys(("key",))).run(person_of(each), "asked")
        assert done.notifications == 1
    row = env.rows.delivery(id_)
    assert (row["recipient"], row["further_recipients"]) == (ANA, [CY])


def test_a_copy_that_is_left_out_is_not_found(env: Environment) -> None:
    suppress(env, CY, ANA)
    (id_,) = env.pending("x@example.com")
    deliver(env, id_, cc=[CY, DI])
    row = env.rows.delivery(id_)
    assert (row["recipient"], row["further_recipients"]) == (BO, [DI])


@pytest.mark.parametrize("to", [[ANA], [ANA, f"Ana <{ANA.upper()}>"]])
def test_one_recipient_in_a_list_has_no_others(env: Environment, to: list[str]) -> None:
    (id_,) = env.pending("x@example.com")
    deliver(env, id_, to=to, cc=[ANA])
    assert env.rows.delivery(id_)["further_recipients"] is None


def test_in_shadow_it_keeps_those_to_whom_it_would_go(env: Environment) -> None:
    suppress(env, CY)
    (id_,) = env.pending("x@example.com")
    row = deliver(env, id_, cc=[CY, DI], options={"shadow": True})
    assert (row["status"], row["recipient"], row["further_recipients"]) == ("shadowed", ANA, [BO, DI])
    assert env.ses.recipients() == []


def test_a_suppressed_copy_is_left_out_and_the_row_says_so(env: Environment) -> None:
    suppress(env, CY, BO)
    (id_,) = env.pending("x@example.com")
    row = deliver(env, id_, cc=[f"Cy <{CY.upper()}>", DI])
    assert (row["status"], row["recipient"]) == ("sent", ANA)
    assert row["reason"] == "2 of its 4 recipients are suppressed, and were left out"
    assert (shown(env, id_)["to"], shown(env, id_)["cc"]) == ([ANA], [DI])


def test_the_next_takes_the_place_of_a_first_recipient_that_is_suppressed(env: Environment) -> None:
    suppress(env, ANA)
    (id_,) = env.pending("x@example.com")
    row = deliver(env, id_)
    assert (row["status"], row["recipient"]) == ("sent", BO)
    assert shown(env, id_)["to"] == [f"Bo <{BO}>"]


def test_a_mail_whose_every_to_is_suppressed_is_not_sent_to_its_copies(env: Environment) -> None:
    suppress(env, ANA, BO)
    (id_,) = env.pending("x@example.com")
    assert deliver(env, id_, cc=[CY])["status"] == Status.SUPPRESSED
    assert env.ses.recipients() == []


@pytest.mark.parametrize(
    ("topic", "transactional", "goes"), [("news", False, False), ("news", True, True), ("other", False, True)]
)
def test_an_opt_out_of_a_copy_holds_for_its_topic(
    env: Environment, topic: str, transactional: bool, goes: bool
) -> None:
    suppress(env, CY, reason="unsubscribe", topic="news")
    (id_,) = env.pending("x@example.com")
    deliver(env, id_, cc=CY, options={"topic": topic, "transactional": transactional})
    assert (CY in env.ses.recipients()) is goes


def test_only_to_holds_for_each_of_them(env: Environment) -> None:
    (first, second) = env.pending("x@example.com", "x@example.com")
    only = {"recipients": restricted(only_to="bo@*,cy@*")}
    assert deliver(env, first, cc=[CY, DI], options=only)["recipient"] == BO
    assert sorted(env.ses.recipients()) == [BO, CY]
    assert deliver(env, second, to=[ANA, DI], cc=[CY], options=only)["status"] == Status.SKIPPED
    assert len(env.ses.recipients()) == 2


def test_only_to_sends_to_the_next_one_where_the_first_is_suppressed(env: Environment) -> None:
    suppress(env, ANA)
    (id_,) = env.pending("x@example.com")
    row = deliver(env, id_, options={"recipients": restricted(only_to="*@example.com")})
    assert (row["status"], row["recipient"]) == ("sent", BO)


def test_a_redirected_mail_goes_to_the_team_alone(env: Environment) -> None:
    (id_,) = env.pending("x@example.com")
    row = deliver(env, id_, cc=[CY], bcc=DI, options={"recipients": restricted(redirect_to=TEAM)})
    assert (row["status"], row["recipient"]) == ("sent", TEAM)
    assert env.ses.recipients() == [TEAM]
    assert row["further_recipients"] is None


@pytest.mark.parametrize(
    "wrong", [{"to": []}, {"to": [ANA, None]}, {"to": 5}, {"cc": [5]}, {"to": {"a": 1}, "bcc": 7}]
)
def test_recipients_that_are_no_texts_are_an_error_of_the_route(env: Environment, wrong: dict[str, Any]) -> None:
    (id_,) = env.pending("x@example.com")
    row = deliver(env, id_, **wrong)
    assert (row["status"], row["attempt"]) == ("pending", 0)
    assert "RoutesError" in row["reason"]


@pytest.mark.parametrize("wrong", [{"cc": ["nobody"]}, {"cc": [f"a{number}@example.com" for number in range(49)]}])
def test_a_mail_that_ses_would_refuse_fails(env: Environment, wrong: dict[str, Any]) -> None:
    (id_,) = env.pending("x@example.com")
    row = deliver(env, id_, **wrong)
    assert row["status"] == Status.FAILED
    assert "`cc`" in row["reason"] or "51 recipients" in row["reason"]
    assert env.ses.recipients() == []


@pytest.mark.parametrize("lanes", [False, True])
def test_each_recipient_takes_a_token_of_the_rate(
    env: Environment, broker_url: str, monkeypatch: pytest.MonkeyPatch, lanes: bool
) -> None:
    """One mail uses the rate of many seconds, which is more than a worker may take ahead."""
    bucket = TokenBucket(broker_url, "email", lambda: 1.0, headroom=0.0, lanes=lanes)
    monkeypatch.setattr(env, "bucket", bucket)
    suppress(env, DI)
    (id_,) = env.pending("x@example.com")
    began = time.monotonic()
    deliver(env, id_, to=[f"a{number}@example.com" for number in range(40)], cc=[CY, DI])
    assert len(env.ses.recipients()) == 41
    used = bucket.take(1)
    assert used.tokens == 0
    assert used.seconds + time.monotonic() - began > 39.0
    bucket.close()
