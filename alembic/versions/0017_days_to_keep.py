"""the days to keep are known to the database, and grow by themselves only

A process that was started without NOTIFIER_KEEP_DAYS, or with an old value, must not delete what others are told to
keep: the functions that delete take no number below the one in `retention`.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# How many days a process with the setting `asked` must keep; 0: all.
DAYS_TO_KEEP = """
CREATE FUNCTION days_to_keep(asked int) RETURNS int
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT CASE WHEN asked = 0 OR known = 0 THEN 0 ELSE greatest(asked, known) END
  FROM (SELECT (SELECT keep_days FROM retention) AS known) AS found
$$
"""

KEEP_AT_LEAST = """
CREATE FUNCTION keep_at_least(asked int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO retention AS r (keep_days) VALUES (asked)
  ON CONFLICT (only_row) DO UPDATE SET keep_days = excluded.keep_days
    WHERE r.keep_days <> 0 AND (excluded.keep_days = 0 OR excluded.keep_days > r.keep_days);
  IF FOUND THEN
    INSERT INTO operations (actor, action, scope) VALUES (session_user, 'keep days', asked::text);
  END IF;
  RETURN days_to_keep(asked);
END
$$
"""

SHORTEN_DAYS = """
CREATE FUNCTION shorten_days(wanted int, why text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO retention AS r (keep_days) VALUES (wanted)
  ON CONFLICT (only_row) DO UPDATE SET keep_days = excluded.keep_days;
  INSERT INTO operations (actor, action, reason, scope) VALUES (session_user, 'keep days', why, wanted::text);
END
$$
"""

_KEEPS_LESS = "keep_days IS DISTINCT FROM days_to_keep(keep_days)"
_CHANGES = (
    ("empty_day(date, int)", "keep_days < 3 OR wanted", f"keep_days < 3 OR {_KEEPS_LESS} OR wanted"),
    ("forget_rows(text, int, int)", "keep_days < 3 OR old_rows", f"keep_days < 3 OR {_KEEPS_LESS} OR old_rows"),
)
_CHANGE = """
DO $do$ DECLARE
  was CONSTANT text := pg_get_functiondef('{function}'::regprocedure);
  becomes CONSTANT text := replace(was, '{before}', '{after}');
BEGIN
  IF becomes = was THEN
    RAISE EXCEPTION '{function} is not as earlier migrations made it';
  END IF;
  EXECUTE becomes;
END $do$
"""
_FUNCTIONS = ("days_to_keep(int)", "keep_at_least(int)", "shorten_days(int, text)")

# Their names are resolved in the schema of the tables, whatever search_path the caller has.
_FIX_SEARCH_PATH = """
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION {function} SET search_path = %I, pg_temp', current_schema());
END $$
"""


def upgrade() -> None:
    op.create_table(
        "retention",
        sa.Column("only_row", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=False),
        sa.CheckConstraint("only_row", name=op.f("retention_only_row")),
        sa.CheckConstraint("keep_days = 0 OR keep_days >= 3", name=op.f("retention_keep_days")),
        sa.PrimaryKeyConstraint("only_row", name=op.f("retention_pk")),
    )
    for function in (DAYS_TO_KEEP, KEEP_AT_LEAST, SHORTEN_DAYS):
        op.execute(function)
    for name in _FUNCTIONS:
        op.execute(_FIX_SEARCH_PATH.format(function=name))
        op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    for function, before, after in _CHANGES:
        op.execute(_CHANGE.format(function=function, before=before, after=after))


def downgrade() -> None:
    for function, before, after in _CHANGES:
        op.execute(_CHANGE.format(function=function, before=after, after=before))
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("retention")
