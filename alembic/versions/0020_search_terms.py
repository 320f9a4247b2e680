"""what people search a day by is listed once the day is over

A row of `search_terms` says that a notification has a recipient, a value of a key of its item, or a status that is
rare, each as a hash. An index on `deliveries` would make each update of the day slower while it is busy, and to make
one afterwards locks writers out for as long as it takes: CONCURRENTLY works in no function, and a bridge owns no
table.

So triggers are set on the day's partitions, which takes a lock for a moment, and note what changes from then on,
while the rows of the day are listed in parts. Rows are listed twice rather than never, and a row that changed since
stays listed: a search checks what it finds.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# The second argument of hashtextextended keeps the kinds apart: 1 recipient, 2 key, 3 status.
IS_RARE = """
CREATE FUNCTION is_rare(status delivery_status) RETURNS bool
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT status NOT IN ('sent', 'delivered', 'skipped')
$$
"""

NOTE_TERMS = """
CREATE FUNCTION note_terms() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.recipient IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.recipient IS DISTINCT FROM OLD.recipient) THEN
    INSERT INTO search_terms VALUES (hashtextextended(NEW.recipient, 1), NEW.notification_id);
  END IF;
  IF is_rare(NEW.status) AND (TG_OP = 'INSERT' OR NEW.status IS DISTINCT FROM OLD.status) THEN
    INSERT INTO search_terms VALUES (hashtextextended(NEW.status::text, 3), NEW.notification_id);
  END IF;
  RETURN NULL;
END
$$
"""

NOTE_KEYS = """
CREATE FUNCTION note_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO search_terms
  SELECT hashtextextended(key, 2), NEW.notification_id FROM unnest(item_keys(NEW.record)) AS key;
  RETURN NULL;
END
$$
"""

# Begins to list a day, or lists its next `most` rows. The triggers are set, and committed, before the first row is
# read: what changes later is noted by them, and a transaction that changed a row before has ended, for the triggers
# wait for it. A process that is killed loses one part, which the next call lists.
INDEX_DAY = """
CREATE FUNCTION index_day(wanted date, most int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '100ms' AS $$
DECLARE
  suffix CONSTANT text := to_char(wanted, '_YYYYMMDD');
  its search_days%ROWTYPE;
  last_id uuid;
BEGIN
  IF now() < (wanted + 1)::timestamp AT TIME ZONE 'UTC' + interval '1 hour' THEN
    RAISE EXCEPTION 'the day % is not over: it is not listed yet', wanted;
  END IF;
  IF to_regclass('deliveries' || suffix) IS NULL OR to_regclass('notifications' || suffix) IS NULL THEN
    RETURN 'missing';
  END IF;
  IF NOT pg_try_advisory_xact_lock(x'6E6F7469'::int, wanted - DATE '1970-01-01') THEN
    RETURN 'busy';
  END IF;
  SELECT * INTO its FROM search_days WHERE day = wanted;
  IF its.state IS NULL OR NOT is_watched('deliveries' || suffix) THEN
    PERFORM watch_terms(wanted);
    INSERT INTO search_days (day, state, listed_until) VALUES (wanted, 'listing', first_id(wanted))
    ON CONFLICT (day) DO UPDATE SET state = 'listing', listed_until = excluded.listed_until;
    RETURN 'listing';
  END IF;
  IF its.state = 'listed' THEN
    RETURN 'listed';
  END IF;
  EXECUTE format('SELECT notification_id FROM %I WHERE notification_id > $1 '
                 'ORDER BY notification_id OFFSET $2 LIMIT 1', 'notifications' || suffix)
    INTO last_id USING its.listed_until, most - 1;
  EXECUTE format(
    'INSERT INTO %I SELECT hashtextextended(recipient, 1), notification_id FROM %I'
    '  WHERE notification_id > $1 AND notification_id <= $2 AND recipient IS NOT NULL'
    ' UNION ALL SELECT hashtextextended(status::text, 3), notification_id FROM %2$I'
    '  WHERE notification_id > $1 AND notification_id <= $2 AND is_rare(status)'
    ' UNION ALL SELECT hashtextextended(key, 2), notification_id FROM %I, unnest(item_keys(record)) AS key'
    '  WHERE notification_id > $1 AND notification_id <= $2',
    'search_terms' || suffix, 'deliveries' || suffix, 'notifications' || suffix)
    USING its.listed_until, coalesce(last_id, first_id(wanted + 1));
  UPDATE search_days SET
    listed_until = coalesce(last_id, first_id(wanted + 1)),
    state = CASE WHEN last_id IS NULL THEN 'listed' ELSE 'listing' END
  WHERE day = wanted;
  RETURN CASE WHEN last_id IS NULL THEN 'listed' ELSE 'listing' END;
END
$$
"""

IS_WATCHED = """
CREATE FUNCTION is_watched(partition text) RETURNS bool
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass(partition) AND tgname = 'note_terms')
$$
"""

WATCH_TERMS = """
CREATE FUNCTION watch_terms(wanted date) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
  suffix CONSTANT text := to_char(wanted, '_YYYYMMDD');
BEGIN
  IF to_regclass('search_terms' || suffix) IS NULL THEN
    EXECUTE format('CREATE TABLE %I (LIKE search_terms INCLUDING ALL) '
                   'WITH (autovacuum_vacuum_insert_scale_factor = 0.2)', 'search_terms' || suffix);
    EXECUTE format('ALTER TABLE search_terms ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   'search_terms' || suffix, first_id(wanted), first_id(wanted + 1));
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER note_keys AFTER INSERT ON %I FOR EACH ROW EXECUTE FUNCTION note_keys()',
                 'notifications' || suffix);
  EXECUTE format('CREATE OR REPLACE TRIGGER note_terms AFTER INSERT OR UPDATE OF recipient, status ON %I '
                 'FOR EACH ROW EXECUTE FUNCTION note_terms()', 'deliveries' || suffix);
END
$$
"""

# A day whose rows are dropped is not listed any more. To drop the partition takes an exclusive lock on the whole
# table, which only searches and triggers of old days need, and gives up after 50 ms. The other lock keeps
# index_day from setting triggers, on a day that was made again, whose partition is dropped here.
UNLIST_DAY = """
CREATE FUNCTION unlist_day(wanted date) RETURNS bool
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '50ms' AS $$
DECLARE
  suffix CONSTANT text := to_char(wanted, '_YYYYMMDD');
BEGIN
  IF NOT pg_try_advisory_xact_lock(x'6E6F7469'::int, wanted - DATE '1970-01-01')
     OR to_regclass('deliveries' || suffix) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE IF EXISTS %I', 'search_terms' || suffix);
  DELETE FROM search_days WHERE day = wanted;
  RETURN true;
END
$$
"""

_FUNCTIONS = (
    "is_rare(delivery_status)",
    "note_terms()",
    "note_keys()",
    "is_watched(text)",
    "watch_terms(date)",
    "index_day(date, int)",
    "unlist_day(date)",
)

# Their names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.create_table(
        "search_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("listed_until", sa.Uuid(), nullable=False),
        sa.CheckConstraint("state IN ('listing', 'listed')", name=op.f("search_days_state")),
        sa.PrimaryKeyConstraint("day", name=op.f("search_days_pk")),
    )
    op.create_table(
        "search_terms",
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        postgresql_partition_by="RANGE (notification_id)",
    )
    op.create_index(op.f("search_terms_term_notification_id"), "search_terms", ["term", "notification_id"])
    for function in (IS_RARE, NOTE_TERMS, NOTE_KEYS, IS_WATCHED, WATCH_TERMS, INDEX_DAY, UNLIST_DAY):
        op.execute(function)
    for name in _FUNCTIONS:
        if name != "is_rare(delivery_status)":  # such an option would keep it from being inlined
            op.execute(_FIX_SEARCH_PATH.format(function=name))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")


def downgrade() -> None:
    for function in ("note_terms()", "note_keys()"):
        op.execute(f"DROP FUNCTION {function} CASCADE")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION IF EXISTS {name}")
    op.drop_table("search_terms")
    op.drop_table("search_days")
