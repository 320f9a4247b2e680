"""The common path changes no index: begin and finish are heap-only (HOT) updates, as Postgres counts them. No
array of ids is compressed.
"""

from sqlalchemy import text

from notifier.notifications import Status
from notifier.outbox import Change, Recipient
from tests.outbox.rows import Rows
from tests.waiting import wait_until

UNIT = 500
UNITS = 20

_COUNTED = text("""
SELECT sum(n_tup_upd)::int, sum(n_tup_hot_upd)::int FROM pg_stat_user_tables WHERE relname LIKE 'deliveries%'
""")


def counted(rows: Rows) -> tuple[int, int]:
    with rows.engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        every, hot = connection.execute(_COUNTED).one()
        return every, hot


def test_begin_and_finish_change_no_index(rows: Rows) -> None:
    attempts = rows.attempts()
    for _ in range(UNITS):
        ids = rows.pending(UNIT)
        token = attempts.token()
        attempts.begin(token, [Recipient(id_, f"somebody.{id_.hex[-12:]}@example.com") for id_ in ids], 60.0)
        attempts.finish(token, [Change(id_, Status.SENT, message_id=f"0100018c-{id_}-000000") for id_ in ids])
    updates = 2 * UNITS * UNIT
    wait_until(lambda: counted(rows)[0] >= updates)
    assert counted(rows) == (updates, updates)  # all updates, and the HOT updates


def test_arrays_of_ids_are_not_compressed(rows: Rows) -> None:
    """As they are stored: Postgres keeps the arrays of a unit beside the table."""
    ids = rows.pending(UNIT)
    attempts = rows.attempts()
    attempts.begin(attempts.token(), [Recipient(id_, "somebody@example.com") for id_ in ids], 60.0)
    stored = rows.one(
        "SELECT pg_column_compression(notification_ids) AS how, pg_column_size(notification_ids) AS size FROM claims"
    )
    assert stored["how"] is None
    assert stored["size"] > UNIT * 16
    kinds = rows.all("""
        SELECT attrelid::regclass::text AS name, attstorage::text AS kind FROM pg_attribute
        WHERE attname = 'notification_ids' AND attrelid IN ('claims'::regclass, 'publications'::regclass) ORDER BY 1
    """)
    assert kinds == [{"name": "claims", "kind": "e"}, {"name": "publications", "kind": "e"}]
