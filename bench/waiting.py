"""What a million deliveries that wait for a time cost the others: `python -m bench.waiting`.

Prints the median of each step, in milliseconds, first without them and then with them. The last line is JSON.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy import Engine, text

from notifier.database.engine import connect
from notifier.database.schema import migrate
from notifier.notifications import Status
from notifier.outbox import Change, Publications, Recipient
from sandbox.embedded.postgres import embedded_postgres
from tests.outbox.rows import Rows

_PAGE = 500
_WAITING = (
    (
        "INSERT INTO notifications (notification_id, shard, sequence_number, route, channel, table_name, record) "
        "SELECT CAST(lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || "
        "       substr(md5(n::text), 1, 20) AS uuid), "
        "1, n::text, 'a_route', 'email', 'activity', '{}' FROM generate_series(1, :count) AS n"
    ),
    (
        "INSERT INTO deliveries (notification_id, next_attempt_at, reason) "
        "SELECT notification_id, now() + interval '8 h' + random() * interval '1 h', 'quiet hours' FROM notifications"
    ),
    (
        "INSERT INTO due (notification_id, kind, channel, due_at) "
        "SELECT notification_id, 'scheduled', 'email', next_attempt_at FROM deliveries"
    ),
    "ANALYZE",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.waiting", description=__doc__)
    parser.add_argument("--waiting", type=int, default=1_000_000)
    parser.add_argument("--pages", type=int, default=40, help=f"of {_PAGE} events each")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder), durable=False) as server:
        found = {}
        for name, waiting in (("none", 0), ("waiting", given.waiting)):
            server.create_database(name)
            migrate(server.url(name))
            engine = connect(server.url(name))
            rows = Rows(engine)
            rows.pending(1)  # makes the partitions
            if waiting:
                _fill(engine, waiting)
            found[name] = _measured(rows, given.pages)
            engine.dispose()
    for step, without in found["none"].items():
        print(
            f"{step:<32} {without:8.2f} ms without, {found['waiting'][step]:8.2f} ms with {given.waiting:,} waiting"
        )
    print(json.dumps({"page": _PAGE, **found}))


def _fill(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("TRUNCATE notifications, deliveries, publications"))
        for statement in _WAITING:
            connection.execute(text(statement), {"count": count} if ":count" in statement else {})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def _measured(rows: Rows, pages: int) -> dict[str, float]:
    """Return the median of each step: the first tenth, in which plans and pages become warm, is left out."""
    times: dict[str, list[float]] = {}

    def timed(step: str, call: Callable[[], object]) -> object:
        began = time.perf_counter()
        done = call()
        times.setdefault(step, []).append((time.perf_counter() - began) * 1000)
        return done

    publications, attempts = Publications(rows.engine), rows.attempts()
    for _ in range(pages):
        ids: list[UUID] = []
        timed("record a page", lambda: ids.extend(rows.pending(_PAGE)))  # noqa: B023
        timed("a relay's look at what is due", lambda: publications.publish_due_retries(5_000))
        timed("load a unit", lambda: attempts.load(ids))  # noqa: B023
        token = attempts.token()
        to = [Recipient(id_, "ana@example.com") for id_ in ids]
        timed("begin a unit", lambda: attempts.begin(token, to, 60.0))  # noqa: B023
        sent = [Change(id_, Status.SENT, message_id=str(id_)) for id_ in ids]
        timed("finish a unit", lambda: attempts.finish(token, sent))  # noqa: B023
    return {step: round(statistics.median(some[len(some) // 10 :]), 2) for step, some in times.items()}


if __name__ == "__main__":
    main()
