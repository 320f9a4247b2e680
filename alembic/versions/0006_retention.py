"""whole days are counted once they are old, and dropped at the end of their time

The counts of a day are valid while its row in `days` says `counted`. Triggers on the partitions of counted days mark
the day as changed in the transaction that changes a row of it, so a count never disagrees with the rows. Partitions
of recent days have no trigger, so the common path pays nothing.

All of it is functions of the owner: a bridge may have a day counted, emptied and dropped under the rules that are
written here, and may delete nothing by itself.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATUS = postgresql.ENUM(name="delivery_status", create_type=False)
DAY_STATES = "state IN ('counting', 'counted', 'changed', 'empty', 'dropping')"

# The smallest id of a day: partitions are bounded by it.
FIRST_ID = """
CREATE FUNCTION first_id(day date) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(extract(epoch FROM day)::bigint * 1000), 12, '0') || repeat('0', 20))::uuid
$$
"""

# The shared lock on the row of `days` lasts until the writer commits: counting, which updates that row, waits for
# it. Two writers that find the day counted do not share the lock first, since both would then wait to update it.
NOTE_CHANGE = """
CREATE FUNCTION note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  its_day CONSTANT date := TG_ARGV[0]::date;
  its_state text;
BEGIN
  UPDATE days SET state = 'changed', changed_at = now()
  WHERE day = its_day AND state IN ('counting', 'counted', 'empty');
  IF NOT FOUND THEN
    SELECT state INTO its_state FROM days WHERE day = its_day FOR SHARE;
    IF its_state = 'dropping' THEN
      RAISE EXCEPTION 'the day % is being dropped', its_day USING ERRCODE = 'check_violation';
    END IF;
  END IF;
  RETURN coalesce(NEW, OLD);
END
$$
"""

WATCH_DAY = """
CREATE FUNCTION watch_day(wanted date) RETURNS void
LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
  suffix CONSTANT text := to_char(wanted, '_YYYYMMDD');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger
                 WHERE tgrelid = to_regclass('notifications' || suffix) AND tgname = 'note_change') THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER note_change BEFORE INSERT OR DELETE OR UPDATE OF channel, shard ON %I '
                   'FOR EACH ROW EXECUTE FUNCTION note_change(%L)', 'notifications' || suffix, wanted);
    EXECUTE format('CREATE OR REPLACE TRIGGER note_change BEFORE INSERT OR DELETE OR UPDATE OF status, token ON %I '
                   'FOR EACH ROW EXECUTE FUNCTION note_change(%L)', 'deliveries' || suffix, wanted);
  END IF;
END
$$
"""

# Begins to count a day, or counts its next `most` rows. What is counted is added only if no row of the day changed
# since the count began; a repeated or concurrent call therefore adds nothing twice.
COUNT_DAY = """
CREATE FUNCTION count_day(wanted date, most int, rest interval) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '100ms' AS $$
DECLARE
  suffix CONSTANT text := to_char(wanted, '_YYYYMMDD');
  its days%ROWTYPE;
  last_id uuid;
  is_last bool;
  channels text[]; statuses delivery_status[]; counts bigint[]; oldest_times timestamptz[];
  shards int[]; shard_counts bigint[];
  actors int[];
BEGIN
  IF wanted > (now() AT TIME ZONE 'UTC')::date - 2 THEN
    RAISE EXCEPTION 'the day % is too young to be counted', wanted;
  END IF;
  IF to_regclass('deliveries' || suffix) IS NULL OR to_regclass('notifications' || suffix) IS NULL THEN
    RETURN 'missing';
  END IF;
  SELECT * INTO its FROM days WHERE day = wanted;
  IF its.state = 'changed' AND its.changed_at > now() - rest THEN
    RETURN 'changed';
  END IF;
  IF its.state IS NULL OR its.state = 'changed' THEN
    PERFORM watch_day(wanted);
    INSERT INTO days (day, state, counted_until) VALUES (wanted, 'counting', first_id(wanted))
    ON CONFLICT (day) DO UPDATE
      SET state = 'counting', epoch = days.epoch + 1, counted_until = excluded.counted_until, changed_at = NULL
      WHERE days.state = 'changed'
    RETURNING * INTO its;
    IF FOUND THEN
      DELETE FROM day_counts WHERE day = wanted;
      DELETE FROM day_shards WHERE day = wanted;
      DELETE FROM day_actors WHERE day = wanted;
    END IF;
    RETURN 'counting';
  END IF;
  IF its.state <> 'counting' THEN
    RETURN its.state;
  END IF;
  EXECUTE format('SELECT notification_id FROM %I WHERE notification_id > $1 '
                 'ORDER BY notification_id OFFSET $2 LIMIT 1', 'notifications' || suffix)
    INTO last_id USING its.counted_until, most - 1;
  is_last := last_id IS NULL;
  last_id := coalesce(last_id, first_id(wanted + 1));
  EXECUTE format(
    'SELECT array_agg(channel), array_agg(status), array_agg(counted), array_agg(oldest) FROM ('
    '  SELECT n.channel, d.status, count(*) AS counted, min(n.recorded_at) AS oldest'
    '  FROM %I n JOIN %I d USING (notification_id)'
    '  WHERE n.notification_id > $1 AND n.notification_id <= $2'
    '    AND d.notification_id > $1 AND d.notification_id <= $2 GROUP BY n.channel, d.status) AS c',
    'notifications' || suffix, 'deliveries' || suffix)
    INTO channels, statuses, counts, oldest_times USING its.counted_until, last_id;
  EXECUTE format(
    'SELECT array_agg(shard), array_agg(counted) FROM (SELECT shard, count(*) AS counted FROM %I'
    '  WHERE notification_id > $1 AND notification_id <= $2 GROUP BY shard) AS c', 'notifications' || suffix)
    INTO shards, shard_counts USING its.counted_until, last_id;
  EXECUTE format(
    'SELECT array_agg(DISTINCT (''x'' || left(token::text, 8))::bit(32)::int) FROM %I'
    '  WHERE notification_id > $1 AND notification_id <= $2 AND token IS NOT NULL', 'deliveries' || suffix)
    INTO actors USING its.counted_until, last_id;
  UPDATE days SET counted_until = last_id, state = CASE WHEN is_last THEN 'counted' ELSE 'counting' END
  WHERE day = wanted AND state = 'counting' AND epoch = its.epoch AND counted_until = its.counted_until;
  IF NOT FOUND THEN
    RETURN 'changed';
  END IF;
  INSERT INTO day_counts AS c (day, channel, status, deliveries, oldest)
  SELECT wanted, * FROM unnest(channels, statuses, counts, oldest_times)
  ON CONFLICT (day, channel, status) DO UPDATE
    SET deliveries = c.deliveries + excluded.deliveries, oldest = least(c.oldest, excluded.oldest);
  INSERT INTO day_shards AS s (day, shard, notifications) SELECT wanted, * FROM unnest(shards, shard_counts)
  ON CONFLICT (day, shard) DO UPDATE SET notifications = s.notifications + excluded.notifications;
  INSERT INTO day_actors (day, actor) SELECT wanted, * FROM unnest(actors) ON CONFLICT DO NOTHING;
  RETURN CASE WHEN is_last THEN 'counted' ELSE 'counting' END;
END
$$
"""

# Why a day stays; null where it may go.
DAY_KEPT = """
CREATE FUNCTION day_kept(wanted date) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
  still_open text;
BEGIN
  IF NOT EXISTS (SELECT FROM days WHERE day = wanted AND state = 'counted') THEN
    RETURN 'not counted yet';
  END IF;
  SELECT string_agg(status || ' ' || sum, ', ' ORDER BY status) INTO still_open FROM (
    SELECT status, sum(deliveries) AS sum FROM day_counts
    WHERE day = wanted AND status IN ('pending', 'sending', 'unknown') GROUP BY status) AS found;
  IF still_open IS NULL AND EXISTS (
    SELECT FROM due WHERE notification_id >= first_id(wanted) AND notification_id < first_id(wanted + 1)) THEN
    RETURN 'due';
  END IF;
  RETURN still_open;
END
$$
"""

# Rows, counts and the decision are one transaction. While the four locks are held, no other transaction can change a
# row of the day, so the counts say whether it is finished. Statements on other days do not need these locks.
EMPTY_DAY = """
CREATE FUNCTION empty_day(wanted date, keep_days int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '50ms' AS $$
DECLARE
  suffix CONSTANT text := to_char(wanted, '_YYYYMMDD');
  parent text;
  kept text;
  rows bigint;
BEGIN
  IF keep_days IS NULL OR keep_days < 3 OR wanted >= (now() AT TIME ZONE 'UTC')::date - keep_days THEN
    RAISE EXCEPTION 'the day % is too young to be dropped', wanted;
  END IF;
  kept := day_kept(wanted);
  IF kept IS NOT NULL THEN
    RETURN kept;
  END IF;
  FOREACH parent IN ARRAY ARRAY['deliveries', 'notifications', 'delivery_events', 'feedback'] LOOP
    IF to_regclass(parent || suffix) IS NOT NULL THEN
      EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent || suffix);
    END IF;
  END LOOP;
  PERFORM FROM days WHERE day = wanted FOR UPDATE;
  kept := day_kept(wanted);
  IF kept IS NOT NULL THEN
    RETURN kept;
  END IF;
  INSERT INTO dropped_rows AS d (shard, notifications) SELECT shard, notifications FROM day_shards WHERE day = wanted
  ON CONFLICT (shard) DO UPDATE SET notifications = d.notifications + excluded.notifications;
  SELECT coalesce(sum(deliveries), 0) INTO rows FROM day_counts WHERE day = wanted;
  INSERT INTO operations (actor, action, reason, scope, deliveries)
  VALUES (session_user, 'retain', format('kept for %s days', keep_days), wanted::text, rows);
  DELETE FROM day_counts WHERE day = wanted;
  DELETE FROM day_shards WHERE day = wanted;
  DELETE FROM day_actors WHERE day = wanted;
  UPDATE days SET state = 'empty' WHERE day = wanted;
  FOREACH parent IN ARRAY ARRAY['deliveries', 'notifications', 'delivery_events', 'feedback'] LOOP
    IF to_regclass(parent || suffix) IS NOT NULL THEN
      EXECUTE format('TRUNCATE %I', parent || suffix);
    END IF;
  END LOOP;
  RETURN NULL;
END
$$
"""

# Claims an empty day for the caller, for a minute. From then on no row can be written to it.
CLAIM_DAY = """
CREATE FUNCTION claim_day() RETURNS date
LANGUAGE sql SECURITY DEFINER AS $$
  UPDATE days SET state = 'dropping', claimed_until = now() + interval '1 minute'
  WHERE day = (
    SELECT day FROM days
    WHERE state = 'empty' OR state = 'dropping' AND (claimed_until IS NULL OR claimed_until < now())
    ORDER BY day LIMIT 1 FOR UPDATE SKIP LOCKED
  )
  RETURNING day
$$
"""

# Drops the partitions of an empty day. One that is detached already is dropped without a lock on the whole table.
# The others are detached here for logins that do not own the tables: DETACH CONCURRENTLY cannot run in a function.
# That takes an exclusive lock on the whole table for about a millisecond, and gives up after 50 ms of waiting.
DROP_DAY = """
CREATE FUNCTION drop_day(wanted date) RETURNS text
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
    RETURN 'more';  -- one table a transaction: its locks are released before the next one is taken
  END LOOP;
  DELETE FROM days WHERE day = wanted;
  RETURN 'dropped';
END
$$
"""

# Whether a day up to `last` has rows that are not counted: it is not known to which shards they refer.
UNCOUNTED_UNTIL = """
CREATE FUNCTION uncounted_until(last date) RETURNS bool
LANGUAGE sql STABLE STRICT AS $$
  SELECT EXISTS (
    SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN days ON days.day = to_date(right(c.relname, 8), 'YYYYMMDD')
    WHERE i.inhparent = to_regclass('notifications') AND to_date(right(c.relname, 8), 'YYYYMMDD') <= last
      AND coalesce(days.state NOT IN ('counted', 'empty', 'dropping'), true))
$$
"""

# The condition for the rows of a table that may be deleted; $1 is the time before which they must have ended.
#
# A shard is deleted after its parent, so that no parent seems to lack its child. A shard whose name does not say when
# it was made is kept: if it were listed again after its row was deleted, it would be taken for a new one.
OLD_ROWS = r"""
CREATE FUNCTION old_rows(kind text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT CASE kind
    WHEN 'unmatched_feedback' THEN 'received_at < $1'
    WHEN 'dead_letters' THEN 'received_at < $1'
    WHEN 'quarantine' THEN 'quarantined_at < $1 AND (replayed_at < $1 OR acknowledged_at < $1)'
    WHEN 'duplicates' THEN 'detected_at < $1 AND acknowledged_at < $1'
    WHEN 'operations' THEN 'at < $1'
    WHEN 'feedback_hours' THEN 'hour < $1'
    WHEN 'actors' THEN $sql$
      started_at < $1 AND NOT EXISTS (SELECT FROM day_actors WHERE actor = old.id)
      AND NOT uncounted_until((now() AT TIME ZONE 'UTC')::date - 2)
      $sql$
    WHEN 'shards' THEN $sql$
      state <> 'open' AND finished_at < $1 AND shard_id ~ '^shardId-\d{20}-'
      AND NOT EXISTS (SELECT FROM shards p WHERE p.stream_id = old.stream_id AND p.shard_id = old.parent_shard_id)
      AND NOT EXISTS (SELECT FROM gaps g
                      WHERE g.shard = old.id AND (g.acknowledged_at IS NULL OR g.acknowledged_at >= $1))
      AND NOT EXISTS (SELECT FROM quarantine q WHERE q.shard = old.id)
      AND NOT EXISTS (SELECT FROM day_shards d WHERE d.shard = old.id)
      AND NOT uncounted_until(finished_at::date)
      $sql$
    WHEN 'streams' THEN $sql$
      forgotten_until < $1 AND NOT EXISTS (SELECT FROM shards WHERE stream_id = old.id)
      AND EXISTS (SELECT FROM streams newer WHERE newer.table_name = old.table_name AND newer.id > old.id)
      $sql$
  END
$$
"""

# Rows of `operations` are kept four times as long: people look them up after the deliveries are deleted.
FORGOTTEN_BEFORE = """
CREATE FUNCTION forgotten_before(kind text, keep_days int) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
  SELECT now() - make_interval(days => keep_days * CASE kind WHEN 'operations' THEN 4 ELSE 1 END)
$$
"""

COUNT_OLD_ROWS = """
CREATE FUNCTION count_old_rows(kind text, keep_days int) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
  found bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM %I old WHERE %s', kind, old_rows(kind))
    INTO found USING forgotten_before(kind, keep_days);
  RETURN found;
END
$$
"""

# The sums of counters that only grow keep what is deleted: a metric must not go back, and the audit must balance.
KEEP_SUMS = {
    "duplicates": """
INSERT INTO forgotten_counts AS f (name, count) SELECT 'duplicates', count(*) FROM gone HAVING count(*) > 0
ON CONFLICT (name, channel) DO UPDATE SET count = f.count + excluded.count
""",
    "feedback_hours": """
INSERT INTO forgotten_counts AS f (name, channel, count)
SELECT kind, channel, sum(told) FROM gone, LATERAL (
  VALUES ('sends', sends), ('deliveries', deliveries), ('bounces', bounces), ('complaints', complaints)
) AS each (kind, told) GROUP BY kind, channel
ON CONFLICT (name, channel) DO UPDATE SET count = f.count + excluded.count
""",
    "quarantine": """
INSERT INTO dropped_rows AS d (shard, quarantine) SELECT shard, count(*) FROM gone GROUP BY shard
ON CONFLICT (shard) DO UPDATE SET quarantine = d.quarantine + excluded.quarantine
""",
}

FORGET_ROWS = """
CREATE FUNCTION forget_rows(kind text, keep_days int, most int) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '100ms' AS $$
DECLARE
  before CONSTANT timestamptz := forgotten_before(kind, keep_days);
  chosen CONSTANT text := format(
    'DELETE FROM %1$I WHERE ctid = ANY (ARRAY('
    'SELECT ctid FROM %1$I old WHERE %2$s LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING *', kind, old_rows(kind));
  keeping text;
  deleted bigint;
BEGIN
  IF keep_days IS NULL OR keep_days < 3 OR old_rows(kind) IS NULL THEN
    RAISE EXCEPTION '% of % days are not forgotten', kind, keep_days;
  END IF;
  IF kind = 'shards' THEN
    RETURN forget_shards(before, most);
  END IF;
  keeping := CASE kind
    WHEN 'duplicates' THEN $sql${duplicates}$sql$
    WHEN 'feedback_hours' THEN $sql${feedback_hours}$sql$
    WHEN 'quarantine' THEN $sql${quarantine}$sql$
    ELSE 'SELECT'
  END;
  EXECUTE format('WITH gone AS (%s), kept AS (%s %s) SELECT count(*) FROM gone', chosen, keeping,
                 CASE keeping WHEN 'SELECT' THEN '' ELSE 'RETURNING 1' END)
    INTO deleted USING before, most;
  RETURN deleted;
END
$$
"""

FORGET_SHARDS = """
CREATE FUNCTION forget_shards(before timestamptz, most int) RETURNS bigint
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
    ('records_notified', records_notified), ('records_unrouted', records_unrouted),
    ('records_quarantined', records_quarantined)) AS each (name, count) WHERE id = ANY (ids) GROUP BY name
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

_FUNCTIONS = (
    "first_id(date)",
    "note_change()",
    "watch_day(date)",
    "count_day(date, int, interval)",
    "day_kept(date)",
    "empty_day(date, int)",
    "claim_day()",
    "drop_day(date)",
    "uncounted_until(date)",
    "old_rows(text)",
    "forgotten_before(text, int)",
    "count_old_rows(text, int)",
    "forget_shards(timestamptz, int)",
    "forget_rows(text, int, int)",
)

# Their names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    _make_tables()
    op.add_column("quarantine", sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("streams", sa.Column("forgotten_until", sa.DateTime(timezone=True), nullable=True))
    forget_rows = FORGET_ROWS
    for kind, statement in KEEP_SUMS.items():
        forget_rows = forget_rows.replace("{" + kind + "}", statement)
    made = (FIRST_ID, NOTE_CHANGE, WATCH_DAY, COUNT_DAY, DAY_KEPT, EMPTY_DAY, CLAIM_DAY, DROP_DAY,
            UNCOUNTED_UNTIL, OLD_ROWS, FORGOTTEN_BEFORE, COUNT_OLD_ROWS, FORGET_SHARDS, forget_rows)  # fmt: skip
    for function in made:
        op.execute(function)
    for name in _FUNCTIONS:
        op.execute(_FIX_SEARCH_PATH.format(function=name))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")


def _make_tables() -> None:
    op.create_table(
        "days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("counted_until", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(DAY_STATES, name=op.f("days_state")),
        sa.PrimaryKeyConstraint("day", name=op.f("days_pk")),
    )
    op.create_table(
        "day_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("status", STATUS, nullable=False),
        sa.Column("deliveries", sa.BigInteger(), nullable=False),
        sa.Column("oldest", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "channel", "status", name=op.f("day_counts_pk")),
    )
    op.create_table(
        "day_shards",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("notifications", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "shard", name=op.f("day_shards_pk")),
    )
    op.create_index(op.f("day_shards_shard"), "day_shards", ["shard"])
    op.create_table(
        "day_actors",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("actor", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "actor", name=op.f("day_actors_pk")),
    )
    op.create_index(op.f("day_actors_actor"), "day_actors", ["actor"])
    op.create_table(
        "dropped_rows",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("notifications", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quarantine", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("dropped_rows_pk")),
    )
    op.create_table(
        "forgotten_counts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "channel", name=op.f("forgotten_counts_pk")),
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION note_change() CASCADE")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION IF EXISTS {name}")
    op.drop_column("streams", "forgotten_until")
    op.drop_column("quarantine", "acknowledged_at")
    for table in ("forgotten_counts", "dropped_rows", "day_actors", "day_shards", "day_counts", "days"):
        op.drop_table(table)
