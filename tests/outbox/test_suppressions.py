"""Suppressions on a real database: opt-outs beside graver reasons, and reading them all."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from notifier.feedback import Feedback, FeedbackKind
from notifier.outbox import NewSuppression, OptOuts, Suppressions
from notifier.outbox.feedback.suppressions import suppress_recipients
from tests.sql import Sql


def test_all_are_exported_in_order_and_no_transaction_waits_for_a_slow_reader(engine: Engine) -> None:
    Sql(engine).run(
        "INSERT INTO suppressions (channel, address, topic, reason, actor)"
        " SELECT (ARRAY['email', 'sms'])[i % 2 + 1], (i / 6)::text, (ARRAY['', '*', 'news'])[i % 3 + 1],"
        " 'manual', 'eva'"
        " FROM generate_series(0, 4998) AS i"
    )
    exported = Suppressions(engine, actor="eva").export("for the test")
    found = []
    for row in exported:
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
        found.append((row["channel"], row["address"], row["topic"]))
    assert len(found) == len(set(found)) == 4999
    kept = Sql(engine).all("SELECT channel, address, topic FROM suppressions ORDER BY channel, address, topic")
    assert found == [tuple(row.values()) for row in kept]


ANA = ("email", "ana@example.com")


def event(kind: FeedbackKind, topic: str | None = None) -> Feedback:
    now = datetime.now(UTC)
    return Feedback(kind, "m", now, now, uuid4(), attempt=1, recipient=ANA[1], topic=topic)


def settle(engine: Engine, *events: Feedback) -> None:
    with engine.begin() as connection:
        suppress_recipients(connection, "email", events, str.lower, "feedback")


def leaves_by_page(engine: Engine) -> None:
    OptOuts(engine, actor="preferences").change(*ANA, leave=["news"])


def leaves_by_operator(engine: Engine) -> None:
    Suppressions(engine, actor="eva").add(*ANA, topic="news", reason="unsubscribe")


def leaves_by_event(engine: Engine) -> None:
    settle(engine, event(FeedbackKind.UNSUBSCRIBE, "news"))


def barred_by_hand(engine: Engine) -> None:
    Suppressions(engine, actor="eva").add(*ANA, topic="news", reason="manual", note="she called")


LEAVE = [leaves_by_page, leaves_by_operator, leaves_by_event]


@pytest.mark.parametrize("leaves", LEAVE)
@pytest.mark.parametrize("first", [True, False])
def test_an_opt_out_outlives_a_graver_reason(engine: Engine, leaves: Callable[[Engine], None], first: bool) -> None:
    for step in (leaves, barred_by_hand) if first else (barred_by_hand, leaves):
        step(engine)
    opt_outs, suppressions = OptOuts(engine, actor="preferences"), Suppressions(engine, actor="eva")
    (row,) = suppressions.list()
    assert (row["reason"], row["opted_out"], row["note"]) == ("manual", True, "she called")
    assert opt_outs.read(*ANA) == {"news"}
    assert suppressions.remove(*ANA, topic="news") == 1
    assert suppressions.has_opted_out(*ANA, "news")
    (row,) = suppressions.list()
    assert (row["reason"], row["note"]) == ("unsubscribe", None)
    assert opt_outs.read(*ANA) == {"news"}
    assert suppressions.remove(*ANA, topic="news") == 1
    assert (suppressions.list(), suppressions.has_opted_out(*ANA, "news")) == ([], False)


def test_joining_again_leaves_the_graver_reason(engine: Engine) -> None:
    opt_outs, suppressions = OptOuts(engine, actor="preferences"), Suppressions(engine, actor="eva")
    for join in (["news"], ["*"]):
        barred_by_hand(engine)
        leaves_by_page(engine)
        opt_outs.change(*ANA, join=join)
        assert opt_outs.read(*ANA) == set()
        assert [(row["reason"], row["opted_out"]) for row in suppressions.list()] == [("manual", False)]
    suppressions.remove(*ANA, topic="news")
    assert suppressions.list() == []


def test_who_left_every_topic_beside_a_graver_reason_and_joins_one_stays_out_of_the_others(engine: Engine) -> None:
    opt_outs = OptOuts(engine, actor="preferences", topics=["news", "offers"])
    opt_outs.change(*ANA, leave=["*"])
    Suppressions(engine, actor="eva").add(*ANA, topic="*", reason="manual")
    opt_outs.change(*ANA, join=["news"])
    assert opt_outs.read(*ANA) == {"offers"}


def test_a_complaint_and_an_opt_out_of_one_batch_are_both_kept(engine: Engine) -> None:
    settle(engine, event(FeedbackKind.COMPLAINT), event(FeedbackKind.UNSUBSCRIBE))
    suppressions = Suppressions(engine, actor="eva")
    assert [(row["reason"], row["opted_out"]) for row in suppressions.list()] == [("complaint", True)]
    suppressions.remove(*ANA, topic="")
    assert OptOuts(engine, actor="preferences").read(*ANA) == {""}


def test_an_opt_out_beside_a_graver_reason_is_exported_and_imported(engine: Engine) -> None:
    barred_by_hand(engine)
    leaves_by_page(engine)
    suppressions = Suppressions(engine, actor="eva")
    rows = [(row["topic"], row["reason"], row["note"]) for row in suppressions.export("for the test")]
    assert rows == [("news", "manual", "she called"), ("news", "unsubscribe", None)]
    suppressions.remove(*ANA)
    assert suppressions.list() == []
    assert suppressions.add_all([NewSuppression(*ANA, *row) for row in rows], "for the test") == 2
    (row,) = suppressions.list()
    assert (row["reason"], row["opted_out"]) == ("manual", True)


def test_without_a_topic_opt_outs_go_too(engine: Engine) -> None:
    barred_by_hand(engine)
    leaves_by_page(engine)
    suppressions = Suppressions(engine, actor="eva")
    assert suppressions.remove(*ANA) == 1
    assert suppressions.list() == []
