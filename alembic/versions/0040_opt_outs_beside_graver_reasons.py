"""an opt-out is kept beside a graver reason

There is one suppression of a recipient and a topic. If people have opted out of a topic, and an operator or a
complaint suppresses them for it, the reason is the graver one; once that is lifted they are still opted out.

Revision ID: 0040
Revises: 0039
"""

import re

import sqlalchemy as sa

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

# Also for statements of the version before, and for workers, which may change no other columns.
KEEP_OPT_OUT = """
CREATE FUNCTION keep_opt_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.opted_out := true;
  RETURN NEW;
END
$$
"""
_TRIGGER = """
CREATE TRIGGER keep_opt_out BEFORE UPDATE OF reason ON suppressions FOR EACH ROW
WHEN (OLD.reason = 'unsubscribe' AND NEW.reason <> 'unsubscribe') EXECUTE FUNCTION keep_opt_out()
"""

# As 0024, and with opt-outs that are kept beside a graver reason.
OPT_OUTS = """
CREATE OR REPLACE FUNCTION opt_outs(wanted_channel text, addresses text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT DISTINCT topic FROM suppressions
  WHERE channel = wanted_channel AND address = ANY (addresses) AND @opted_out@
$$
"""

CHANGE_OPT_OUTS = """
CREATE OR REPLACE FUNCTION change_opt_outs(
  wanted_channel text, addresses text[], leaves text[], joins text[], known text[], changed_by text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
@declare@
BEGIN
  IF cardinality(joins) > 0 THEN
    IF '*' = ANY (joins) THEN
      DELETE FROM suppressions
      WHERE channel = wanted_channel AND address = ANY (addresses) AND reason = 'unsubscribe';
@opt_into_all@
    ELSE
      DELETE FROM suppressions
      WHERE channel = wanted_channel AND address = ANY (addresses) AND reason = 'unsubscribe' AND topic IN ('', '*');
@opt_into_every@
        leaves := leaves || known;
      END IF;
      DELETE FROM suppressions
      WHERE channel = wanted_channel AND address = ANY (addresses) AND reason = 'unsubscribe' AND topic = ANY (joins);
@opt_into_joins@
    END IF;
  END IF;
  INSERT INTO suppressions AS s (channel, address, topic, reason, actor)
  SELECT DISTINCT wanted_channel, addresses[1], topic, 'unsubscribe', changed_by
  FROM unnest(leaves) AS topic WHERE NOT topic = ANY (joins) AND topic <> ''
  ORDER BY 3
  ON CONFLICT (channel, address, topic) @if_known@;
END
$$
"""

# As 0022: a suppressed address becomes its hash, and the opt-out stays.
ERASE_ELSEWHERE = """
CREATE OR REPLACE FUNCTION erase_elsewhere(
  spellings text[], hashed_channels text[], hashes text[], likes text[], pattern text, change bool
) RETURNS TABLE (name text, rows bigint) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  its record;
  count bigint;
  sum bigint;
BEGIN
  name := 'suppressions';
  SELECT count(*) INTO rows FROM suppressions s WHERE s.address = ANY (spellings);
  IF change AND rows > 0 THEN
    WITH gone AS (
      DELETE FROM suppressions s USING unnest(spellings, hashed_channels, hashes) AS known (address, channel, hash)
      WHERE s.address = known.address AND s.channel = known.channel RETURNING s.*, known.hash
    )
@into_hashes@
  END IF;
  RETURN NEXT;
  name := 'unmatched_feedback';
  SELECT count(*) INTO rows FROM unmatched_feedback u
  WHERE u.recipient = ANY (spellings) OR mentions(u.recipient, likes, pattern) OR mentions(u.detail, likes, pattern);
  IF change THEN
    UPDATE unmatched_feedback u SET recipient = NULL, detail = NULL
    WHERE u.recipient = ANY (spellings) OR mentions(u.recipient, likes, pattern)
      OR mentions(u.detail, likes, pattern);
  END IF;
  RETURN NEXT;
  name := 'dead_letters';
  SELECT count(*) INTO rows FROM dead_letters d WHERE mentions(d.raw, likes, pattern);
  IF change THEN
    UPDATE dead_letters d SET raw = convert_to('erased ' || d.id, 'UTF8') WHERE mentions(d.raw, likes, pattern);
  END IF;
  RETURN NEXT;
  name := 'quarantine';
  SELECT count(*) INTO rows FROM quarantine q WHERE mentions(q.record, likes, pattern);
  IF change THEN
    UPDATE quarantine q SET record = '{"erased": true}', acknowledged_at = coalesce(q.acknowledged_at, now())
    WHERE mentions(q.record, likes, pattern);
  END IF;
  RETURN NEXT;
  FOR its IN
    SELECT c.relname AS own, a.attname AS field, format_type(a.atttypid, NULL) AS type
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND a.atttypid IN ('text'::regtype, 'json'::regtype, 'jsonb'::regtype)
      AND NOT (c.relname = 'suppressions' AND a.attname = 'address') AND c.relname <> 'alembic_version'
    ORDER BY 1, 2
  LOOP
    EXECUTE format(CASE WHEN change
      THEN 'WITH done AS (UPDATE %1$I SET %2$I = regexp_replace(%2$I::text, $2, ''(erased)'', ''gi'')::%3$s '
           'WHERE mentions(%2$I::text, $1, $2) RETURNING 1) SELECT count(*) FROM done'
      ELSE 'SELECT count(*) FROM %1$I WHERE mentions(%2$I::text, $1, $2)' END, its.own, its.field, its.type)
      INTO count USING likes, pattern;
    IF count > 0 THEN
      name := its.own || '.' || its.field;
      rows := count;
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$
"""

_BEFORE = {
    "opted_out": "reason = 'unsubscribe'",
    "declare": "",
    "opt_into_all": "",
    "opt_into_every": "      IF FOUND THEN",
    "opt_into_joins": "",
    "if_known": "DO NOTHING",
    "into_hashes": """\
    INSERT INTO suppressions AS s (channel, address, topic, reason, actor, notification_id, since)
    SELECT channel, hash, topic, min(reason), min(actor), min(notification_id::text)::uuid, min(since)
    FROM gone GROUP BY channel, hash, topic
    ON CONFLICT (channel, address, topic) DO UPDATE SET reason = least(s.reason, excluded.reason);""",
}
_OPT_IN = """\
      UPDATE suppressions SET opted_out = false
      WHERE channel = wanted_channel AND address = ANY (addresses) AND opted_out"""
_NOW = {
    "opted_out": "(opted_out OR reason = 'unsubscribe')",
    "declare": "DECLARE\n  was_out bool;",
    "opt_into_all": f"{_OPT_IN};",
    "opt_into_every": f"""\
      was_out := FOUND;
{_OPT_IN} AND topic IN ('', '*');
      IF was_out OR FOUND THEN""",
    "opt_into_joins": f"{_OPT_IN} AND topic = ANY (joins);",
    "if_known": "DO UPDATE SET opted_out = true WHERE s.reason <> 'unsubscribe' AND NOT s.opted_out",
    "into_hashes": """\
    INSERT INTO suppressions AS s (channel, address, topic, reason, actor, notification_id, since, opted_out)
    SELECT channel, hash, topic, min(reason), min(actor), min(notification_id::text)::uuid, min(since),
           bool_or(opted_out OR reason = 'unsubscribe')
    FROM gone GROUP BY channel, hash, topic
    ON CONFLICT (channel, address, topic) DO UPDATE
      SET reason = least(s.reason, excluded.reason), opted_out = s.opted_out OR excluded.opted_out;""",
}

_FUNCTIONS = (
    "opt_outs(text, text[])",
    "change_opt_outs(text, text[], text[], text[], text[], text)",
    "erase_elsewhere(text[], text[], text[], text[], text, bool)",
)

# Their names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.add_column("suppressions", sa.Column("opted_out", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute(KEEP_OPT_OUT)
    op.execute("REVOKE ALL ON FUNCTION keep_opt_out() FROM PUBLIC")
    op.execute(_TRIGGER)
    _replace(_NOW)


def downgrade() -> None:
    _replace(_BEFORE)
    op.execute("DROP TRIGGER keep_opt_out ON suppressions")
    op.execute("DROP FUNCTION keep_opt_out()")
    op.drop_column("suppressions", "opted_out")


def _replace(parts: dict[str, str]) -> None:
    for function in (OPT_OUTS, CHANGE_OPT_OUTS, ERASE_ELSEWHERE):
        op.execute(re.sub(r"@(\w+)@", lambda marked: parts[marked[1]], function))
    for name in _FUNCTIONS:
        op.execute(_FIX_SEARCH_PATH.format(function=name))
