"""day_of_partition: the day of a partition by its name, and NULL for any other relation

`to_date(right(relname, 8), 'YYYYMMDD')` fails for the names of other relations, and Postgres may compute it for all
of `pg_class` before it looks which of them are partitions: it did beside 730 days.

Revision ID: 0034
Revises: 0033
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

DAY_OF_PARTITION = """
CREATE FUNCTION day_of_partition(relation name) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN relation ~ '_[0-9]{8}$' THEN to_date(right(relation, 8), 'YYYYMMDD') END
$$
"""

# Whether a day until then has rows that are not counted yet: what they refer to is not known.
UNCOUNTED_UNTIL = """
CREATE OR REPLACE FUNCTION uncounted_until(last date) RETURNS bool
LANGUAGE sql STABLE STRICT AS $$
  SELECT EXISTS (
    SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN days ON days.day = {day}
    WHERE i.inhparent = to_regclass('notifications') AND {day} <= last
      AND coalesce(days.state NOT IN ('counted', 'empty', 'dropping'), true))
$$
"""

# Its names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION uncounted_until(date) SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.execute(DAY_OF_PARTITION)
    _replace_uncounted_until("day_of_partition(c.relname)")


def downgrade() -> None:
    _replace_uncounted_until("to_date(right(c.relname, 8), 'YYYYMMDD')")
    op.execute("DROP FUNCTION day_of_partition(name)")


def _replace_uncounted_until(day: str) -> None:
    op.execute(UNCOUNTED_UNTIL.format(day=day))
    op.execute(_FIX_SEARCH_PATH)  # what is replaced has lost it
