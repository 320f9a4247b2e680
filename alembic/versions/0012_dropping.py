"""a day that is being dropped gets no new partitions

A process that is killed while it drops a day leaves some of its tables. A record of that day made them anew, without
the trigger that refuses rows, and no table of the day could then be dropped. The row of the day now goes together
with its last table, and until then no partition of it is made.

Old rows of unmatched events and dead letters are found by an index.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MAKE_PARTITION = """
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
{guard}    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (%s)', partition, parent, storage);
    PERFORM know_ids(parent, day);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   parent, partition, first::uuid, last::uuid);
  END IF;
END
$$
"""

_GUARD = """
    PERFORM FROM days WHERE days.day = make_partition.day AND days.state = 'dropping' FOR SHARE;
    IF FOUND THEN
      RAISE EXCEPTION 'the day % is being dropped: it has partitions again once that is done', day
        USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
"""

_DROP_DAY = """
CREATE OR REPLACE FUNCTION drop_day(wanted date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '50ms' AS $$
DECLARE
  partition text;
  parent text;
  pending bool;
  filled bool;
BEGIN
  PERFORM FROM days WHERE day = wanted AND state = 'dropping' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'gone';
  END IF;
  FOREACH parent IN ARRAY ARRAY['feedback', 'delivery_events', 'deliveries', 'notifications'] LOOP
    partition := parent || to_char(wanted, '_YYYYMMDD');
    CONTINUE WHEN to_regclass(partition) IS NULL;
    SELECT inhdetachpending INTO pending FROM pg_inherits WHERE inhrelid = to_regclass(partition);
    IF pending THEN
      EXECUTE format('ALTER TABLE %I DETACH PARTITION %I FINALIZE', parent, partition);
    ELSIF NOT pending THEN
      EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, partition);
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', partition) INTO filled;
    IF filled THEN
      RAISE EXCEPTION '% is not empty: it is not dropped', partition;
    END IF;
    EXECUTE format('DROP TABLE %I', partition);
{last}    RETURN 'more';  -- one table a transaction: its locks are released before the next one is taken
  END LOOP;
  DELETE FROM days WHERE day = wanted;
  RETURN 'dropped';
END
$$
"""

_LAST = """
    EXIT WHEN parent = 'notifications';
"""

_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    _make_functions(_GUARD, _LAST)
    for table in ("unmatched_feedback", "dead_letters"):
        op.create_index(op.f(f"{table}_received_at"), table, ["received_at"])


def downgrade() -> None:
    for table in ("dead_letters", "unmatched_feedback"):
        op.drop_index(op.f(f"{table}_received_at"), table_name=table)
    _make_functions("", "")


def _make_functions(guard: str, last: str) -> None:
    op.execute(_MAKE_PARTITION.replace("{guard}", guard))
    op.execute(_DROP_DAY.replace("{last}", last))
    for function in ("make_partition(text, date)", "drop_day(date)"):
        op.execute(_FIX_SEARCH_PATH.format(function=function))
