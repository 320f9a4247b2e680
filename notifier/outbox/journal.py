"""What operators did, and why: one row an action, in the transaction of the action. Holds no recipient."""

from sqlalchemy import Connection, text

_WRITE = text("""
INSERT INTO operations (actor, action, reason, scope, deliveries)
VALUES (:actor, :action, :reason, :scope, :deliveries)
""")


def journal(
    connection: Connection, actor: str, action: str, reason: str | None, scope: str, deliveries: int = 0
) -> None:
    values = {"actor": actor, "action": action, "reason": reason, "scope": scope, "deliveries": deliveries}
    connection.execute(_WRITE, values)
