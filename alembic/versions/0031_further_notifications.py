"""notifications after the first of a record: of routes that claim an event beside its owner

They are counted for themselves, so that `records_notified` stays a number of records. Bridges of the last version
know no such route, and go on beside those of this one.

Revision ID: 0031
Revises: 0030
"""

import sqlalchemy as sa

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_FORGET_SHARDS = """
CREATE OR REPLACE FUNCTION forget_shards(before timestamptz, most int) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  ids int[];
BEGIN
  EXECUTE format('SELECT array_agg(id) FROM ('
                 'SELECT id FROM shards old WHERE %s LIMIT $2 FOR UPDATE SKIP LOCKED) AS chosen', old_rows('shards'))
    INTO ids USING before, most;
  IF ids IS NULL THEN
    RETURN 0;
  END IF;
  INSERT INTO forgotten_counts AS f (name, count)
  SELECT name, sum(count) FROM shards, LATERAL (VALUES
    {counters}) AS each (name, count) WHERE id = ANY (ids) GROUP BY name
  UNION ALL SELECT 'gaps', count(*) FROM gaps WHERE shard = ANY (ids)
  ON CONFLICT (name, channel) DO UPDATE SET count = f.count + excluded.count;
  UPDATE streams SET forgotten_until = greatest(streams.forgotten_until, gone.made_at)
  FROM (SELECT stream_id, max(to_timestamp(substr(shard_id, 9, 20)::bigint / 1000.0)) AS made_at
        FROM shards WHERE id = ANY (ids) GROUP BY stream_id) AS gone
  WHERE streams.id = gone.stream_id;
  DELETE FROM gaps WHERE shard = ANY (ids);
  DELETE FROM dropped_rows WHERE shard = ANY (ids);
  DELETE FROM shards WHERE id = ANY (ids);
  RETURN cardinality(ids);
END
$$
"""
_COUNTERS = ("records_notified", "records_unrouted", "records_quarantined")
_FURTHER = "further_notifications"

# Its names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION forget_shards(timestamptz, int) SET search_path = %I, pg_temp', current_schema());
END $$
"""

# Without the column, each notification has to be one of a record.
_COUNT_AS_RECORDS = """
UPDATE shards SET records_read = records_read + further_notifications,
                  records_notified = records_notified + further_notifications
WHERE further_notifications > 0
"""


def upgrade() -> None:
    op.add_column("shards", sa.Column(_FURTHER, sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    _forget_shards(*_COUNTERS, _FURTHER)


def downgrade() -> None:
    _forget_shards(*_COUNTERS)
    op.execute(_COUNT_AS_RECORDS)
    op.drop_column("shards", _FURTHER)


def _forget_shards(*counters: str) -> None:
    op.execute(_FORGET_SHARDS.format(counters=", ".join(f"('{each}', {each})" for each in counters)))
    op.execute(_FIX_SEARCH_PATH)
