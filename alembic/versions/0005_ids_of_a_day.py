"""the planner knows which ids a new partition will hold

Statements name the days of their ids, so that only the partitions of these days are planned and locked. Without
statistics of the ids, the planner takes these bounds for a condition that few rows meet, and reads all rows of the
day for a unit of 500. So a partition gets statistics of its ids when it is made: of the first and the last one that
it can hold.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# TRUNCATE keeps the statistics of the ids and resets the number of rows. It deletes only the two rows that are
# inserted before it: the table was made in this transaction, or it was empty and is locked.
KNOW_IDS = """
CREATE FUNCTION know_ids(parent text, day date) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  partition text := parent || to_char(day, '_YYYYMMDD');
  ids uuid[] := ARRAY[
    lpad(to_hex(extract(epoch FROM day)::bigint * 1000), 12, '0') || repeat('0', 20),
    lpad(to_hex(extract(epoch FROM day + 1)::bigint * 1000 - 1), 12, '0') || repeat('f', 20)
  ];
BEGIN
  EXECUTE format(CASE parent
    WHEN 'deliveries' THEN 'INSERT INTO %I (notification_id) SELECT * FROM unnest($1)'
    WHEN 'notifications' THEN
      'INSERT INTO %I (notification_id, shard, sequence_number, route, channel, table_name, record)'
      ' SELECT id, 0, '''', '''', '''', '''', '''' FROM unnest($1) AS id'
    WHEN 'delivery_events' THEN
      'INSERT INTO %I (notification_id, status_from, status_to, attempt, actor)'
      ' SELECT id, ''pending'', ''pending'', 0, '''' FROM unnest($1) AS id'
    WHEN 'feedback' THEN
      'INSERT INTO %I (notification_id, message_id, kind, occurred_at, attempt)'
      ' SELECT id, '''', '''', now(), 0 FROM unnest($1) AS id'
  END, partition) USING ids;
  EXECUTE format('ANALYZE %I (notification_id)', partition);
  EXECUTE format('TRUNCATE %I', partition);
END
$$
"""

_HEAD = """
CREATE OR REPLACE FUNCTION make_partition(parent text, day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  partition text := parent || to_char(day, '_YYYYMMDD');
  first text := lpad(to_hex(extract(epoch FROM day)::bigint * 1000), 12, '0') || repeat('0', 20);
  last text := lpad(to_hex(extract(epoch FROM day + 1)::bigint * 1000), 12, '0') || repeat('0', 20);
  storage text := CASE parent
    WHEN 'deliveries' THEN
      'fillfactor = 18, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.2'
    WHEN 'notifications' THEN 'autovacuum_vacuum_insert_scale_factor = 0.2'
    WHEN 'delivery_events' THEN 'autovacuum_vacuum_insert_scale_factor = 0.2'
    WHEN 'feedback' THEN 'autovacuum_vacuum_insert_scale_factor = 0.2'
  END;
BEGIN
  IF storage IS NULL THEN
    RAISE EXCEPTION '% has no partitions of days', parent;
  END IF;
  IF to_regclass(partition) IS NULL THEN
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (%s)', partition, parent, storage);
"""
_KNOW = """
    PERFORM know_ids(parent, day);
"""
_TAIL = """
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   parent, partition, first::uuid, last::uuid);
  END IF;
END
$$
"""

_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION make_partition(text, date) SET search_path = %I, pg_temp', current_schema());
END $$
"""

# Partitions that were made before and have no statistics yet. An empty one is locked until this is committed, so that
# no other transaction writes to it.
_KNOW_ALL = """
DO $$
DECLARE
  each record;
  filled bool;
BEGIN
  FOR each IN
    SELECT parent.relname::text AS parent, child.relname::text AS partition,
           to_date(right(child.relname, 8), 'YYYYMMDD') AS day
    FROM pg_inherits i JOIN pg_class parent ON parent.oid = i.inhparent JOIN pg_class child ON child.oid = i.inhrelid
    WHERE parent.relkind = 'p' AND parent.relnamespace = current_schema()::regnamespace
      AND parent.relname IN ('notifications', 'deliveries', 'delivery_events', 'feedback')
      AND NOT EXISTS (SELECT FROM pg_stats s WHERE s.schemaname = current_schema()
                      AND s.tablename = child.relname AND s.attname = 'notification_id')
    ORDER BY parent.relname, child.relname
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', each.partition) INTO filled;
    IF NOT filled THEN
      EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', each.partition);
      EXECUTE format('SELECT EXISTS (SELECT FROM %I)', each.partition) INTO filled;
    END IF;
    IF filled THEN
      EXECUTE format('ANALYZE %I (notification_id)', each.partition);
    ELSE
      PERFORM know_ids(each.parent, each.day);
    END IF;
  END LOOP;
END $$
"""


def upgrade() -> None:
    op.execute(KNOW_IDS)
    op.execute("REVOKE ALL ON FUNCTION know_ids(text, date) FROM PUBLIC")
    op.execute(_HEAD + _KNOW + _TAIL)
    op.execute(_FIX_SEARCH_PATH)
    op.execute(_KNOW_ALL)


def downgrade() -> None:
    op.execute(_HEAD + _TAIL)
    op.execute(_FIX_SEARCH_PATH)
    op.execute("DROP FUNCTION know_ids(text, date)")
