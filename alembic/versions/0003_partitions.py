"""partitions are made by a function of the owner's

The bridge makes a day's partitions before their first row. Only the owner of a table may attach one, and a bridge
that owned the tables could drop them.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Room on each page for the two updates of the common path: a row grows threefold, and while begin is under way its
# page holds it twice. With less room, half of the updates went to other pages and into the index. A partition is
# made apart and then attached: unlike PARTITION OF, that does not lock out the writers of other days.
MAKE_PARTITION = """
CREATE FUNCTION make_partition(parent text, day date) RETURNS void
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
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   parent, partition, first::uuid, last::uuid);
  END IF;
END
$$
"""

# Its names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION make_partition(text, date) SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.execute(MAKE_PARTITION)
    op.execute(_FIX_SEARCH_PATH)
    op.execute("REVOKE ALL ON FUNCTION make_partition(text, date) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION make_partition(text, date)")
