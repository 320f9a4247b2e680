"""recipients of a mail beside the first, and those of earlier attempts

`further_recipients` is null on nearly every row, and says to whom else a mail went or would have gone: its other
`to`, `cc` and `bcc`, and the recipients of earlier attempts, on this channel or on an earlier one. They are
found and erased as the recipient is. The trigger that notes the terms of a listed day is one of `recipient` and
`status`: every statement that sets the new column sets `recipient` too.

Revision ID: 0035
Revises: 0034
"""

import re

import sqlalchemy as sa

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

NOTE_TERMS = """
CREATE OR REPLACE FUNCTION note_terms() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF NEW.recipient IS NOT NULL AND (TG_OP = 'INSERT' OR NEW.recipient IS DISTINCT FROM OLD.recipient) THEN
    INSERT INTO search_terms VALUES (hashtextextended(NEW.recipient, 1), NEW.notification_id);
  END IF;
@also_noted@
  IF is_rare(NEW.status) AND (TG_OP = 'INSERT' OR NEW.status IS DISTINCT FROM OLD.status) THEN
    INSERT INTO search_terms VALUES (hashtextextended(NEW.status::text, 3), NEW.notification_id);
  END IF;
  RETURN NULL;
END
$$
"""

INDEX_DAY = """
CREATE OR REPLACE FUNCTION index_day(wanted date, most int) RETURNS text
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
@also_listed@
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
    '    AND (@is_one@ OR mentions(reason, $4, $5))'
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
@its_terms@
      '  UNION ALL SELECT hashtextextended(key, 2), notification_id FROM %I, unnest(item_keys(record)) AS key'
      '  WHERE notification_id = ANY ($1)) AS its'
      ' WHERE s.term = its.term AND s.notification_id = its.notification_id',
      'search_terms' || suffix, 'deliveries' || suffix, 'notifications' || suffix) USING closed, spellings;
  END IF;
  EXECUTE format('UPDATE %I SET record = ''{"erased": true}'' WHERE notification_id = ANY ($1)',
                 'notifications' || suffix) USING closed;
  EXECUTE format(
@blanked@
    '  reason = regexp_replace(reason, $3, ''(erased)'', ''gi'') WHERE notification_id = ANY ($1)',
    'deliveries' || suffix) USING closed, spellings, pattern;
  EXECUTE format('UPDATE %I SET detail = NULL, reason = regexp_replace(reason, $2, ''(erased)'', ''gi'')'
                 ' WHERE notification_id = ANY ($1)', 'delivery_events' || suffix) USING closed, pattern;
  EXECUTE format('UPDATE %I SET detail = NULL WHERE notification_id = ANY ($1)', 'feedback' || suffix) USING closed;
END
$$
"""

_BEFORE = {
    "also_noted": "",
    "also_listed": "",
    "is_one": "recipient = ANY ($3)",
    "its_terms": """\
      '  SELECT hashtextextended(recipient, 1) AS term, notification_id FROM %I'
      '  WHERE notification_id = ANY ($1) AND recipient = ANY ($2)'
""",
    "blanked": """\
    'UPDATE %I SET recipient = CASE WHEN recipient = ANY ($2) THEN NULL ELSE recipient END,'
""",
}
# Of a delivery that went on to another channel all recipients are blanked: its channels reach one person at different
# addresses. So they are of a digest, whose events have the recipients of its leader. Of another mail to several
# people the others stay.
_NOW = {
    "also_noted": """\
  IF NEW.further_recipients IS NOT NULL
     AND (TG_OP = 'INSERT' OR NEW.further_recipients IS DISTINCT FROM OLD.further_recipients) THEN
    INSERT INTO search_terms
    SELECT hashtextextended(address, 1), NEW.notification_id FROM unnest(NEW.further_recipients) AS address;
  END IF;
""",
    "also_listed": """\
    ' UNION ALL SELECT hashtextextended(address, 1), notification_id FROM %2$I, unnest(further_recipients) AS address'
    '  WHERE notification_id > $1 AND notification_id <= $2'
""",
    "is_one": "recipient = ANY ($3) OR further_recipients && $3",
    "its_terms": """\
      '  SELECT hashtextextended(address, 1) AS term, notification_id'
      '  FROM %I, unnest(further_recipients || recipient) AS address WHERE notification_id = ANY ($1)'
      '    AND (address = ANY ($2)'
      '         OR coalesce(first_channel, leader::text) IS NOT NULL AND further_recipients || recipient && $2)'
""",
    "blanked": """\
    'UPDATE %I SET'
    '  recipient = CASE WHEN recipient = ANY ($2)'
    '    OR coalesce(first_channel, leader::text) IS NOT NULL AND further_recipients && $2'
    '    THEN NULL ELSE recipient END,'
    '  further_recipients = CASE'
    '    WHEN coalesce(first_channel, leader::text) IS NOT NULL AND further_recipients || recipient && $2 THEN NULL'
    '    WHEN further_recipients && $2 THEN nullif(ARRAY('
    '      SELECT address FROM unnest(further_recipients) AS address WHERE address <> ALL ($2)), ''{}'')'
    '    ELSE further_recipients END,'
""",
}

_FUNCTIONS = {
    "note_terms()": NOTE_TERMS,
    "index_day(date, int)": INDEX_DAY,
    "erase_part(date, uuid, int, text[], text[], text, bool)": ERASE_PART,
}

# Their names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("further_recipients", sa.ARRAY(sa.Text())))
    _replace(_NOW)


def downgrade() -> None:
    _replace(_BEFORE)
    op.drop_column("deliveries", "further_recipients")


def _replace(parts: dict[str, str]) -> None:
    for name, function in _FUNCTIONS.items():
        op.execute(re.sub(r"@(\w+)@", lambda marked: parts[marked[1]], function))
        op.execute(_FIX_SEARCH_PATH.format(function=name))
