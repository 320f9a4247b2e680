"""people opt out and in by themselves, through a process that can do only this

Functions of the owner do it: the process reads no table of addresses, and changes no suppression but opt-outs.

Revision ID: 0024
Revises: 0023
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# The topics that a recipient has opted out of. '*' is every topic; '' is everything that is not transactional: a
# provider's event or an operator may say so.
OPT_OUTS = """
CREATE FUNCTION opt_outs(wanted_channel text, addresses text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT DISTINCT topic FROM suppressions
  WHERE channel = wanted_channel AND address = ANY (addresses) AND reason = 'unsubscribe'
$$
"""

# Opt the first of `addresses` out of the topics `leaves`, and all of them into `joins`; '*' is every topic. Who was
# out of every topic and joins one stays out of the other `known` ones. Suppressions for other reasons stay.
CHANGE_OPT_OUTS = """
CREATE FUNCTION change_opt_outs(
  wanted_channel text, addresses text[], leaves text[], joins text[], known text[], changed_by text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF cardinality(joins) > 0 THEN
    IF '*' = ANY (joins) THEN
      DELETE FROM suppressions
      WHERE channel = wanted_channel AND address = ANY (addresses) AND reason = 'unsubscribe';
    ELSE
      DELETE FROM suppressions
      WHERE channel = wanted_channel AND address = ANY (addresses) AND reason = 'unsubscribe' AND topic IN ('', '*');
      IF FOUND THEN
        leaves := leaves || known;
      END IF;
      DELETE FROM suppressions
      WHERE channel = wanted_channel AND address = ANY (addresses) AND reason = 'unsubscribe' AND topic = ANY (joins);
    END IF;
  END IF;
  INSERT INTO suppressions (channel, address, topic, reason, actor)
  SELECT DISTINCT wanted_channel, addresses[1], topic, 'unsubscribe', changed_by
  FROM unnest(leaves) AS topic WHERE NOT topic = ANY (joins) AND topic <> ''
  ORDER BY 3
  ON CONFLICT (channel, address, topic) DO NOTHING;
END
$$
"""

_FUNCTIONS = ("opt_outs(text, text[])", "change_opt_outs(text, text[], text[], text[], text[], text)")

# Their names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    for function in (OPT_OUTS, CHANGE_OPT_OUTS):
        op.execute(function)
    for name in _FUNCTIONS:
        op.execute(_FIX_SEARCH_PATH.format(function=name))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")


# The version before does not know the topic '*': recipients who opted out of every topic would get mail again. So
# their topic becomes empty, which also stops routes without a topic: that version has nothing nearer.
_STAY_OUT = """
WITH gone AS (DELETE FROM suppressions WHERE topic = '*' RETURNING *)
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, notification_id, note, since)
SELECT channel, address, '', reason, actor, notification_id, note, since FROM gone
ON CONFLICT (channel, address, topic) DO UPDATE SET reason = least(s.reason, excluded.reason)
"""


def downgrade() -> None:
    op.execute(_STAY_OUT)
    for name in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
