"""What our own tables say in the end of a run."""

from typing import Any

from sqlalchemy import Engine, text

from notifier.outbox import Report
from tests.chaos.load import is_collected

# The recipient is written when an attempt begins; a row whose attempt was forgotten has none, and its record does.
# The recipient of a digest does not tell its events apart. The route `seller` tells another than the record names.
# A merged row shares what became of its leader.
_PERSON = """
coalesce(
  CASE WHEN d.recipient NOT LIKE '%@collected.%' THEN d.recipient END,
  replace(
    convert_from(n.record, 'utf8')::json #>> '{dynamodb,Keys,pk,S}',
    '@', CASE n.route WHEN 'seller' THEN '@beside.' ELSE '@' END
  )
) AS person
FROM deliveries d JOIN notifications n USING (notification_id)
LEFT JOIN (SELECT notification_id AS lead_id, status AS lead_status FROM deliveries) lead
  ON d.status = 'merged' AND lead_id = d.leader
"""
_IS_SENT = "coalesce(lead_status, d.status) IN ('sent', 'delivered', 'bounced', 'complained')"
_SENT = text(f"SELECT {_PERSON} WHERE {_IS_SENT}")
_MAIL_OF = text(f"SELECT coalesce(lead_id, d.notification_id)::text AS id, {_PERSON} WHERE {_IS_SENT}")
_ONCE_UNKNOWN = text(f"""
SELECT DISTINCT {_PERSON} JOIN delivery_events e USING (notification_id)
WHERE e.status_to = 'unknown' OR e.status_from = 'unknown'
""")
_NOT_SENT = text(
    f"""
SELECT d.status || ': ' || coalesce(d.reason, '?') || ': ' || {_PERSON}
WHERE NOT {_IS_SENT} LIMIT 20
""".replace(" AS person", "")
)
# Both by the database's clock. `begun_at` is of the last attempt.
_PATH = text(f"""
SELECT DISTINCT ON (person) person, extract(epoch FROM recorded_at)::float8, extract(epoch FROM begun_at)::float8
FROM (SELECT n.recorded_at, d.begun_at, {_PERSON}) AS found ORDER BY person, recorded_at
""")
# Beyond the first: so many mails of this person are known to be second ones.
_COUNTED = text(f"""
SELECT person, count(*) AS mails
FROM (SELECT {_PERSON} JOIN duplicates u ON u.notification_id = coalesce(lead_id, d.notification_id)) AS found
GROUP BY person
""")
_WAITED = text("""
SELECT count(DISTINCT e.notification_id) FROM delivery_events e JOIN notifications n USING (notification_id)
WHERE n.route = 'waits' AND e.status_from = 'pending' AND e.status_to = 'pending' AND e.reason LIKE 'waits until%'
""")
_GONE_ON = text("SELECT count(*) FROM deliveries WHERE first_channel = 'sms' AND channel = 'email'")


def ledger(engine: Engine) -> dict[str, Any]:
    """In plain values, as a history keeps them."""
    report = Report(engine)
    shards, stranded = report.audit()
    with engine.connect() as connection:
        return {
            "statuses": {str(status): count for status, count in report.totals().items()},
            "sent": list(connection.execute(_SENT).scalars()),
            "mail_of": {row.person: row.id for row in connection.execute(_MAIL_OF) if is_collected(row.person)},
            "not_sent": list(connection.execute(_NOT_SENT).scalars()),
            "once_unknown": list(connection.execute(_ONCE_UNKNOWN).scalars()),
            "stranded": [str(row) for row in stranded],
            "unbalanced": [
                row["shard_id"]
                for row in shards
                if row["records_read"] != row["notified"] + row["records_unrouted"] + row["quarantine"]
            ],
            "gaps": [f"{row['shard_id']}: {row['reason']}" for row in report.gaps()],
            "quarantine": [row["error"] for row in report.quarantine()],
            "waited": connection.execute(_WAITED).scalar_one(),
            "gone_on": connection.execute(_GONE_ON).scalar_one(),
            "path": {person: (recorded, begun) for person, recorded, begun in connection.execute(_PATH)},
            "counted": {row.person: row.mails for row in connection.execute(_COUNTED)},
        }
