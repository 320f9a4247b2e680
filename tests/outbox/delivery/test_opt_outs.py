"""Which opt-outs stop which attempts: the condition in the statement that begins them."""

import pytest

from notifier.outbox import Recipient, Suppressions
from tests.outbox.rows import Rows

ANA = "ana@example.com"
EVERYTHING, EVERY_TOPIC = "", "*"


@pytest.mark.parametrize(
    ("opted_out_of", "topic", "transactional", "sent"),
    [
        ("news", "news", False, False),
        ("news", "offers", False, True),
        ("news", "", False, True),
        ("news", "news", True, True),
        (EVERY_TOPIC, "news", False, False),
        (EVERY_TOPIC, "news", True, True),
        (EVERY_TOPIC, "", False, True),
        (EVERYTHING, "news", False, False),
        (EVERYTHING, "", False, False),
        (EVERYTHING, "", True, True),
    ],
)
def test_an_opt_out_stops_its_topic_and_nothing_else(
    rows: Rows, opted_out_of: str, topic: str, transactional: bool, sent: bool
) -> None:
    Suppressions(rows.engine, actor="t").add("email", ANA, reason="unsubscribe", topic=opted_out_of)
    (id_,) = rows.pending()
    attempts = rows.attempts()
    result = attempts.begin(attempts.token(), [Recipient(id_, ANA, topic, transactional)], 60)
    assert ([each.id for each in result.begun], result.suppressed) == (([id_], []) if sent else ([], [id_]))
    if not sent:
        assert rows.delivery(id_)["reason"] == "unsubscribe"


@pytest.mark.parametrize("topic", [EVERYTHING, EVERY_TOPIC, "news"])
def test_a_complaint_stops_also_what_is_transactional(rows: Rows, topic: str) -> None:
    Suppressions(rows.engine, actor="t").add("email", ANA, reason="complaint", topic=topic)
    (id_,) = rows.pending()
    attempts = rows.attempts()
    assert attempts.begin(attempts.token(), [Recipient(id_, ANA, "news", True)], 60).suppressed == [id_]
