"""an event in the message of another delivery is erased once that one is final

Until then the message may be tried again, and its route is given the record of every event. The leader may be of
another day.

Revision ID: 0039
Revises: 0038
"""

import re

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

ERASE_PART = """
CREATE OR REPLACE FUNCTION erase_part(
  wanted date, after uuid, most int, spellings text[], likes text[], pattern text, change bool,
  OUT last uuid, OUT erased bigint, OUT open uuid[]
) LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  suffix CONSTANT text := to_char(wanted, '_YYYYMMDD');
  upto uuid;
  found uuid[];
  closed uuid[];
  leaders uuid[];
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
    '    AND (recipient = ANY ($3) OR further_recipients && $3 OR mentions(reason, $4, $5))'
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
@open_leaders@
  EXECUTE format(
    'SELECT coalesce(array_agg(id) FILTER (WHERE is_open), ''{}''), '
    '       coalesce(array_agg(id) FILTER (WHERE NOT is_open), ''{}'')'
    ' FROM (SELECT notification_id AS id,'
    '         status IN (''pending'', ''sending'', ''unknown'')@or_waits@ AS is_open FROM %I'
    '       WHERE notification_id = ANY ($1) ORDER BY notification_id %s) AS its',
    'deliveries' || suffix, CASE WHEN change THEN 'FOR UPDATE' ELSE '' END)
    INTO open, closed USING found, leaders;
  erased := cardinality(closed);
  IF NOT change OR erased = 0 THEN
    RETURN;
  END IF;
  IF to_regclass('search_terms' || suffix) IS NOT NULL THEN
    EXECUTE format(
      'DELETE FROM %I s USING ('
      '  SELECT hashtextextended(address, 1) AS term, notification_id'
      '  FROM %I, unnest(further_recipients || recipient) AS address WHERE notification_id = ANY ($1)'
      '    AND (address = ANY ($2)'
      '         OR coalesce(first_channel, leader::text) IS NOT NULL AND further_recipients || recipient && $2)'
      '  UNION ALL SELECT hashtextextended(key, 2), notification_id FROM %I, unnest(item_keys(record)) AS key'
      '  WHERE notification_id = ANY ($1)) AS its'
      ' WHERE s.term = its.term AND s.notification_id = its.notification_id',
      'search_terms' || suffix, 'deliveries' || suffix, 'notifications' || suffix) USING closed, spellings;
  END IF;
  EXECUTE format('UPDATE %I SET record = ''{"erased": true}'' WHERE notification_id = ANY ($1)',
                 'notifications' || suffix) USING closed;
  EXECUTE format(
    'UPDATE %I SET'
    '  recipient = CASE WHEN recipient = ANY ($2)'
    '    OR coalesce(first_channel, leader::text) IS NOT NULL AND further_recipients && $2'
    '    THEN NULL ELSE recipient END,'
    '  further_recipients = CASE'
    '    WHEN coalesce(first_channel, leader::text) IS NOT NULL AND further_recipients || recipient && $2 THEN NULL'
    '    WHEN further_recipients && $2 THEN nullif(ARRAY('
    '      SELECT address FROM unnest(further_recipients) AS address WHERE address <> ALL ($2)), ''{}'')'
    '    ELSE further_recipients END,'
    '  reason = regexp_replace(reason, $3, ''(erased)'', ''gi'') WHERE notification_id = ANY ($1)',
    'deliveries' || suffix) USING closed, spellings, pattern;
  EXECUTE format('UPDATE %I SET detail = NULL, reason = regexp_replace(reason, $2, ''(erased)'', ''gi'')'
                 ' WHERE notification_id = ANY ($1)', 'delivery_events' || suffix) USING closed, pattern;
  EXECUTE format('UPDATE %I SET detail = NULL WHERE notification_id = ANY ($1)', 'feedback' || suffix) USING closed;
END
$$
"""

_BEFORE = {"open_leaders": "", "or_waits": ""}
# The rows are locked first: a delivery that is merged meanwhile is seen as merged. The bounds of the leaders are
# literals, so that only the tables of their days are locked.
_NOW = {
    "open_leaders": """\
  IF change THEN
    EXECUTE format('SELECT FROM %I WHERE notification_id = ANY ($1) ORDER BY notification_id FOR UPDATE',
                   'deliveries' || suffix) USING found;
  END IF;
  EXECUTE format('SELECT array_agg(leader ORDER BY leader) FROM %I'
                 ' WHERE notification_id = ANY ($1) AND status = ''merged'' AND leader IS NOT NULL',
                 'deliveries' || suffix) INTO leaders USING found;
  IF leaders IS NOT NULL THEN
    EXECUTE format('SELECT array_agg(notification_id) FROM deliveries WHERE notification_id = ANY ($1)'
                   ' AND notification_id >= %L AND notification_id <= %L'
                   ' AND status IN (''pending'', ''sending'', ''unknown'')',
                   leaders[1], leaders[cardinality(leaders)]) INTO leaders USING leaders;
  END IF;""",
    "or_waits": " OR status = ''merged'' AND coalesce(leader = ANY ($2), false)",
}

# Its names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION erase_part(date, uuid, int, text[], text[], text, bool) '
                 'SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    _replace(_NOW)


def downgrade() -> None:
    _replace(_BEFORE)


def _replace(parts: dict[str, str]) -> None:
    op.execute(re.sub(r"@(\w+)@", lambda marked: parts[marked[1]], ERASE_PART))
    op.execute(_FIX_SEARCH_PATH)
