"""the values of the keys of the item that a record is of

Operators look for notifications by them.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Text of Postgres has no NUL, so a record with one would not be read at all. Null for a record that is not text.
ITEM_KEYS = """
CREATE FUNCTION item_keys(record bytea) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
  RETURN ARRAY(
    SELECT typed.value
    FROM json_each(replace(convert_from(record, 'UTF8'), '\\u0000', '\\ufffd')::json #> '{dynamodb,Keys}')
           AS attribute (name, typed),
         json_each_text(attribute.typed) AS typed (type, value)
  );
EXCEPTION WHEN data_exception OR syntax_error_or_access_rule_violation THEN
  RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.execute(ITEM_KEYS)
    op.execute("REVOKE ALL ON FUNCTION item_keys(bytea) FROM PUBLIC")


def downgrade() -> None:
    op.execute("DROP FUNCTION item_keys(bytea)")
