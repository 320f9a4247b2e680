"""The old notifications of the growth benchmark."""

from collections import Counter
from datetime import UTC, datetime

import psycopg

from bench.measure.old_rows import DAYS, fill
from bench.measure.servers import Servers
from notifier.notifications import created_ms


def test_old_rows_are_in_the_partitions_of_their_days_and_sent(servers: Servers) -> None:
    told: list[int] = []
    with servers.database() as url:
        fill(url, 1_002, told.append)
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                "SELECT n.notification_id, n.recorded_at, d.status, d.tableoid::regclass::text"
                " FROM notifications n JOIN deliveries d USING (notification_id)"
            ).fetchall()
            analyzed = connection.execute(
                "SELECT count(*) FROM pg_class"
                " WHERE relname ~ '^(deliveries|notifications)_[0-9]+$' AND reltuples > 0"
            ).fetchone()
    assert told[-1] == len(rows) == 1_002
    assert {status for *_, status, _ in rows} == {"sent"}
    partitions = Counter(partition for *_, partition in rows)
    assert len(partitions) == DAYS
    assert min(partitions.values()) == 200
    for id_, recorded_at, _, partition in rows:
        created = datetime.fromtimestamp(created_ms(id_) / 1000, UTC)
        assert created == recorded_at <= datetime.now(UTC)
        assert partition == f"deliveries_{created:%Y%m%d}"
    assert analyzed == (2 * DAYS,)
