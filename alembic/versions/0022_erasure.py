"""a person is erased: what is kept of an address is blanked, and the rows stay

Functions of the owner do it, for no role may change a record, an attempt or the journal. They are for the operator's
role alone. The rows, their ids, states and counts stay, so that every record is still accounted for.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Text first as it is, in lower case: most rows end there. Bytes that are no text are looked at with their odd bytes
# written as \\ooo.
MENTIONS = """
CREATE FUNCTION mentions(content text, likes text[], pattern text) RETURNS bool
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(lower(content) LIKE ANY (likes) AND content ~* pattern, false)
$$
"""
MENTIONS_BYTES = """
CREATE FUNCTION mentions(content bytea, likes text[], pattern text) RETURNS bool
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN mentions(convert_from(content, 'UTF8'), likes, pattern);
EXCEPTION WHEN data_exception THEN
  RETURN mentions(encode(content, 'escape'), likes, pattern);
END
$$
"""

# The next `most` notifications of a day after the id `after`: those to the person, and those whose record, reason,
# history or feedback mentions the person. What is pending, sending or unknown is left as it is, and named: its
# outcome is open. `change` false only counts.
ERASE_PART = """
CREATE FUNCTION erase_part(
  wanted date, after uuid, most int, spellings text[], likes text[], pattern text, change bool,
  OUT last uuid, OUT erased bigint, OUT open uuid[]
) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  suffix CONSTANT text := to_char(wanted, '_YYYYMMDD');
  upto uuid;
  found uuid[];
  closed uuid[];
BEGIN
  open := '{}';
  erased := 0;
  IF change THEN
    PERFORM pg_advisory_xact_lock(x'6E6F7469'::int, wanted - DATE '1970-01-01');  -- as index_day
  END IF;
  IF to_regclass('feedback' || suffix) IS NULL THEN
    RETURN;  -- the first table of a day that is dropped: the rows of all four are deleted by then
  END IF;
  EXECUTE format('SELECT notification_id FROM %I WHERE notification_id > $1 '
                 'ORDER BY notification_id OFFSET $2 LIMIT 1', 'notifications' || suffix)
    INTO last USING after, most - 1;
  upto := coalesce(last, first_id(wanted + 1));
  EXECUTE format(
    'SELECT array_agg(DISTINCT notification_id) FROM ('
    '  SELECT notification_id FROM %I WHERE notification_id > $1 AND notification_id <= $2'
    '    AND (recipient = ANY ($3) OR mentions(reason, $4, $5))'
    '  UNION ALL SELECT notification_id FROM %I WHERE notification_id > $1 AND notification_id <= $2'
    '    AND mentions(record, $4, $5)'
    '  UNION ALL SELECT notification_id FROM %I WHERE notification_id > $1 AND notification_id <= $2'
    '    AND (mentions(detail, $4, $5) OR mentions(reason, $4, $5))'
    '  UNION ALL SELECT notification_id FROM %I WHERE notification_id > $1 AND notification_id <= $2'
    '    AND mentions(detail, $4, $5)) AS its',
    'deliveries' || suffix, 'notifications' || suffix, 'delivery_events' || suffix, 'feedback' || suffix)
    INTO found USING after, upto, spellings, likes, pattern;
  IF found IS NULL THEN
    RETURN;
  END IF;
  EXECUTE format(
    'SELECT coalesce(array_agg(id) FILTER (WHERE is_open), ''{}''), '
    '       coalesce(array_agg(id) FILTER (WHERE NOT is_open), ''{}'')'
    ' FROM (SELECT notification_id AS id, status IN (''pending'', ''sending'', ''unknown'') AS is_open FROM %I'
    '       WHERE notification_id = ANY ($1) ORDER BY notification_id %s) AS its',
    'deliveries' || suffix, CASE WHEN change THEN 'FOR UPDATE' ELSE '' END)
    INTO open, closed USING found;
  erased := cardinality(closed);
  IF NOT change OR erased = 0 THEN
    RETURN;
  END IF;
  IF to_regclass('search_terms' || suffix) IS NOT NULL THEN
    EXECUTE format(
      'DELETE FROM %I s USING ('
      '  SELECT hashtextextended(recipient, 1) AS term, notification_id FROM %I'
      '  WHERE notification_id = ANY ($1) AND recipient = ANY ($2)'
      '  UNION ALL SELECT hashtextextended(key, 2), notification_id FROM %I, unnest(item_keys(record)) AS key'
      '  WHERE notification_id = ANY ($1)) AS its'
      ' WHERE s.term = its.term AND s.notification_id = its.notification_id',
      'search_terms' || suffix, 'deliveries' || suffix, 'notifications' || suffix) USING closed, spellings;
  END IF;
  EXECUTE format('UPDATE %I SET record = ''{"erased": true}'' WHERE notification_id = ANY ($1)',
                 'notifications' || suffix) USING closed;
  EXECUTE format(
    'UPDATE %I SET recipient = CASE WHEN recipient = ANY ($2) THEN NULL ELSE recipient END,'
    '  reason = regexp_replace(reason, $3, ''(erased)'', ''gi'') WHERE notification_id = ANY ($1)',
    'deliveries' || suffix) USING closed, spellings, pattern;
  EXECUTE format('UPDATE %I SET detail = NULL, reason = regexp_replace(reason, $2, ''(erased)'', ''gi'')'
                 ' WHERE notification_id = ANY ($1)', 'delivery_events' || suffix) USING closed, pattern;
  EXECUTE format('UPDATE %I SET detail = NULL WHERE notification_id = ANY ($1)', 'feedback' || suffix) USING closed;
END
$$
"""

# All tables without days. A suppressed address becomes its hash. Of the columns of text that are not named here, also
# those of later migrations, the address is cut out: an operator may have typed it into a reason.
ERASE_ELSEWHERE = """
CREATE FUNCTION erase_elsewhere(
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
    INSERT INTO suppressions AS s (channel, address, topic, reason, actor, notification_id, since)
    SELECT channel, hash, topic, min(reason), min(actor), min(notification_id::text)::uuid, min(since)
    FROM gone GROUP BY channel, hash, topic
    ON CONFLICT (channel, address, topic) DO UPDATE SET reason = least(s.reason, excluded.reason);
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

_FUNCTIONS = (
    "mentions(text, text[], text)",
    "mentions(bytea, text[], text)",
    "erase_part(date, uuid, int, text[], text[], text, bool)",
    "erase_elsewhere(text[], text[], text[], text[], text, bool)",
)

# Their names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    for function in (MENTIONS, MENTIONS_BYTES, ERASE_PART, ERASE_ELSEWHERE):
        op.execute(function)
    for name in _FUNCTIONS:
        if name != "mentions(text, text[], text)":  # such an option would keep it from being inlined
            op.execute(_FIX_SEARCH_PATH.format(function=name))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")


def downgrade() -> None:
    for name in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
