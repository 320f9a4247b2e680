"""Postgres takes neither NUL nor half a surrogate pair in text. A row with such text is written nevertheless."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from notifier.notifications import Status
from notifier.outbox import Attempts, Change, ChannelStates, Operations, Recipient, Selection, Suppressions
from tests.fuzz.records import texts
from tests.outbox.rows import Rows

odd = texts.filter(lambda text: bool(text.strip())) | st.sampled_from(["a\0b", "\ud800", "x" * 100_000])


@given(address=odd, topic=odd, message_id=odd, to=st.sampled_from([Status.SENT, Status.UNKNOWN, Status.FAILED]))
def test_an_attempt_ends_whatever_is_said_of_it(
    rows: Rows, address: str, topic: str, message_id: str, to: Status
) -> None:
    (id_,) = rows.pending()
    attempts = Attempts(rows.engine, channel="email", worker=f"w{topic[:20]}")
    token = attempts.token()
    assert attempts.begin(token, [Recipient(id_, address, topic=topic)], 60).begun
    change = Change(id_, to, message_id=message_id, reason=topic, detail=address)
    assert attempts.finish(token, [change]) == {id_}
    assert rows.status(id_) is to


@given(odd)
def test_a_route_fails_with_any_words(rows: Rows, words: str) -> None:
    (id_,) = rows.pending()
    attempts = Attempts(rows.engine, channel="email", worker="w")
    assert attempts.decide([Change(id_, Status.FAILED, failed=True, reason=words, detail=words)]) == {id_}


@given(odd, odd)
def test_a_channel_stops_for_any_reason(rows: Rows, reason: str, actor: str) -> None:
    channels = ChannelStates(rows.engine, actor=actor)
    channels.resume("email")
    assert channels.park("email", reason)
    assert channels.pause("email", reason)
    assert channels.state("email").state == "paused"
    assert channels.resume("email")


@given(odd, odd)
def test_an_operator_gives_any_reason(rows: Rows, reason: str, actor: str) -> None:
    (id_,) = rows.pending()
    operations = Operations(rows.engine, actor=actor)
    assert list(operations.cancel(Selection(ids=[id_], because="", route=""), reason)) == [1]
    unknown = rows.in_status(Status.UNKNOWN)
    assert operations.resolve(unknown, Status.FAILED, reason)
    assert list(operations.redrive(Selection(ids=[unknown]), reason, per_second=1, maybe_sent=True)) == [1]
    assert operations.count(Selection(channel=reason, route=actor, because=reason), Status.PENDING) >= 0


@given(odd, odd, odd)
def test_any_recipient_is_suppressed_and_found_again(rows: Rows, address: str, topic: str, note: str) -> None:
    suppressions = Suppressions(rows.engine, actor="eva")
    suppressions.remove("email", address)
    assert suppressions.add("email", address, reason="manual", topic=topic, note=note)
    assert len(suppressions.list(channel="email", address=address)) == 1
    (id_,) = rows.pending()
    began = rows.attempts().begin(uuid.uuid4(), [Recipient(id_, address, topic=topic)], 60)
    assert began.suppressed == [id_]
    assert suppressions.remove("email", address) == 1
