"""Roles of Postgres, one for each process: each may run the statements of its process and nothing else.

A role with a password is a login; the others are to be granted to logins that you make yourself. None owns a table.
Functions of the owner create, empty and drop the partitions of a day. Partitions have no grants of their own:
Postgres checks those of the whole table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, text

from notifier.outbox.statements import statement

_ADVISORY_LOCK = 0x6E6F7469726F6C
_LOCK = statement(__package__, "advisory_lock.sql")
_PUBLIC_FUNCTIONS = statement(__package__, "public_functions.sql")

Grants = Mapping[str, str]

_READ_ALL: Grants = dict.fromkeys(
    (
        "actors",
        "alembic_version",
        "channel_events",
        "channels",
        "claims",
        "configuration_set_events",
        "day_actors",
        "day_counts",
        "day_shards",
        "days",
        "dead_letters",
        "deliveries",
        "delivery_counts",
        "delivery_events",
        "digests",
        "dropped_rows",
        "due",
        "duplicates",
        "feedback",
        "feedback_hours",
        "forgotten_counts",
        "gaps",
        "limit_places",
        "notifications",
        "operations",
        "publications",
        "quarantine",
        "retention",
        "rewinds",
        "search_days",
        "search_terms",
        "shards",
        "status_destinations",
        "status_updates",
        "streams",
        "suppressions",
        "suspects",
        "table_listings",
        "throughput_minutes",
        "unmatched_feedback",
    ),
    "SELECT",
)

_CHANGED = "status, ended_at, reason, failures, next_attempt_at, updates"
_CHANGE_STATUS = f"UPDATE ({_CHANGED})"
"""Columns of a delivery that bridge and operator may change: not its recipient, attempt, or message id."""

_OPERATED = f"{_CHANGED}, channel, brought_forward, members"
"""Columns of a delivery that commands and pages of the console may change."""
_TELL = "INSERT (notification_id, number, status, attempt, reason)"
"""Of status updates: what a process does that changes the status of deliveries."""
_COUNTERS = "records_read, records_notified, records_unrouted, records_quarantined, further_notifications"

_ACT: Grants = {
    "channels": "SELECT, INSERT, UPDATE",
    "deliveries": f"SELECT, INSERT (notification_id, wanted_updates), UPDATE ({_OPERATED})",
    "digests": "SELECT, UPDATE (leader), DELETE",
    "delivery_events": "SELECT, INSERT",
    "due": "SELECT, INSERT, UPDATE, DELETE",
    "duplicates": "SELECT, UPDATE (acknowledged_at)",
    "forgotten_counts": "SELECT, INSERT, UPDATE (count)",
    "gaps": "SELECT, INSERT, UPDATE (acknowledged_at)",
    "notifications": "SELECT, INSERT, UPDATE (channel)",
    "operations": "SELECT, INSERT",
    "publications": "SELECT, INSERT, UPDATE (due_at)",
    "quarantine": "SELECT, UPDATE (acknowledged_at, replayed_at, error)",
    "rewinds": "SELECT, INSERT, UPDATE (ended_at, outcome)",
    "status_updates": f"SELECT, {_TELL}",
    "shards": f"SELECT, UPDATE ({_COUNTERS})",
    "suppressions": "SELECT, INSERT, UPDATE, DELETE",
    "throughput_minutes": "SELECT, INSERT, DELETE",
}
"""What commands and pages of the console change: a replay of quarantine also makes notifications. Commands also let
streams go, keep days and erase people.
"""

ROLES: Mapping[str, Grants] = {
    "notifier_bridge": {
        "alembic_version": "SELECT",
        "channel_events": "SELECT",
        "channels": "SELECT",
        "claims": "SELECT, DELETE",
        "configuration_set_events": "SELECT",
        "day_counts": "SELECT",
        "days": "SELECT",
        "dead_letters": "SELECT (id, received_at)",
        "deliveries": f"SELECT, INSERT (notification_id, wanted_updates), {_CHANGE_STATUS}",
        "delivery_counts": "SELECT",
        "delivery_events": "INSERT",
        "due": "SELECT, INSERT, UPDATE, DELETE",
        "duplicates": "SELECT (notification_id)",
        "feedback": "SELECT (notification_id, message_id, kind, occurred_at, detail)",
        "feedback_hours": "SELECT",
        "forgotten_counts": "SELECT, INSERT, UPDATE (count)",
        "gaps": "SELECT, INSERT",
        "limit_places": "SELECT (scope, recipient, ends_at), UPDATE (ends_at), DELETE",
        "notifications": "SELECT, INSERT",
        "operations": "SELECT (action, at, scope)",
        "publications": "SELECT, INSERT, UPDATE, DELETE",
        "quarantine": (
            "SELECT (id, shard, sequence_number, replayed_at, acknowledged_at), INSERT, UPDATE (replayed_at)"
        ),
        "rewinds": (
            "SELECT, UPDATE (position, owner, epoch, lease_until, examined, routed, released, ended_at, outcome, "
            "gone_since, again_at, error)"
        ),
        "search_days": "SELECT",
        "shards": "SELECT, INSERT, UPDATE",
        "status_destinations": "SELECT",
        "status_updates": f"SELECT, {_TELL}",
        "table_listings": "SELECT, INSERT, UPDATE",
        "streams": "SELECT, INSERT",
        "unmatched_feedback": "SELECT (message_id, notification_id, look_at, received_at)",
    },
    "notifier_worker": {
        "actors": "SELECT, INSERT, UPDATE (started_at)",
        "alembic_version": "SELECT",
        "channels": "SELECT, INSERT, UPDATE (state, reason, actor, changed_at, probe_at, probes)",
        "claims": "SELECT (token, notification_ids, lease_until), INSERT, UPDATE (notification_ids, lease_until), "
        "DELETE",
        "deliveries": "SELECT, UPDATE",
        "delivery_counts": "SELECT, INSERT, UPDATE (count)",
        "delivery_events": "SELECT (notification_id, at, status_from, status_to, actor), INSERT",
        "digests": "SELECT, INSERT (key), UPDATE, DELETE",
        "due": "SELECT (notification_id, kind, channel, due_at), INSERT, UPDATE (kind, channel, due_at), DELETE",
        "duplicates": "SELECT (notification_id, message_id), INSERT, DELETE",
        "feedback": "SELECT (notification_id, message_id, kind, occurred_at, detail)",
        "limit_places": "SELECT, INSERT, UPDATE (ids, since, ends_at)",
        "notifications": "SELECT, UPDATE (channel)",
        "status_updates": _TELL,
        "publications": "SELECT (channel, published_at, due_at), UPDATE (due_at)",
        "suppressions": "SELECT, INSERT, UPDATE (reason, actor, notification_id)",
        "suspects": "SELECT, INSERT (notification_id, begun_by, lease_until), "
        "UPDATE (deaths, begun_by, lease_until, begun_at), DELETE",
        "unmatched_feedback": "SELECT (notification_id, look_at)",
    },
    "notifier_feedback": {
        "alembic_version": "SELECT",
        "channel_events": "SELECT, INSERT, UPDATE",
        "channels": "SELECT, INSERT, UPDATE",
        "configuration_set_events": "SELECT, INSERT, UPDATE",
        "dead_letters": "SELECT (digest), INSERT",
        "deliveries": "SELECT, UPDATE (status, provider_message_id, next_attempt_at, reason, updates)",
        "delivery_events": "INSERT",
        "digests": "SELECT (key, leader), UPDATE (leader), DELETE",
        "due": "SELECT (notification_id), DELETE",
        "duplicates": "INSERT",
        "feedback": "SELECT, INSERT",
        "feedback_hours": "SELECT, INSERT, UPDATE",
        "notifications": "SELECT (notification_id, channel)",
        "status_updates": _TELL,
        "suppressions": "SELECT, INSERT, UPDATE",
        "unmatched_feedback": "SELECT, INSERT, UPDATE (look_at, recipient), DELETE",
    },
    "notifier_status_sender": {
        "alembic_version": "SELECT",
        "deliveries": "SELECT (notification_id, recipient)",
        "notifications": "SELECT (notification_id, table_name, route, channel, record)",
        "status_destinations": "SELECT, INSERT, UPDATE",
        "status_updates": "SELECT, INSERT, UPDATE (due_at, failures, error), DELETE",
    },
    "notifier_preferences": {"alembic_version": "SELECT"},
    "notifier_scaler": {
        "deliveries": "SELECT (notification_id, status, next_attempt_at)",
        "publications": "SELECT (id, channel, notification_ids)",
    },
    "notifier_console": {**_READ_ALL, **_ACT},
    "notifier_operator": {
        **_READ_ALL,
        **_ACT,
        "deliveries": f"SELECT, INSERT (notification_id, wanted_updates), UPDATE ({_OPERATED}, leader)",
        "limit_places": "SELECT, UPDATE (ends_at), DELETE",
        "shards": f"SELECT, UPDATE (state, finished_at, owner, lease_until, epoch, {_COUNTERS})",
        "streams": "SELECT, UPDATE (let_go_at)",
    },
}
"""The privileges of each role, by table. `grant_roles` revokes all others."""

_RETENTION = (
    "claim_day()",
    "count_day(date, int, interval)",
    "count_old_rows(text, int)",
    "day_kept(date)",
    "days_to_keep(int)",
    "drop_day(date)",
    "empty_day(date, int)",
    "first_id(date)",
    "forget_rows(text, int, int)",
    "index_day(date, int)",
    "keep_at_least(int)",
    "unlist_day(date)",
)

FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "notifier_bridge": ("make_partition(text, date)", *_RETENTION),
    "notifier_console": (
        "day_kept(date)",
        "days_to_keep(int)",
        "first_id(date)",
        "item_keys(bytea)",
        "make_partition(text, date)",
    ),
    "notifier_preferences": (
        "change_opt_outs(text, text[], text[], text[], text[], text)",
        "opt_outs(text, text[])",
    ),
    "notifier_operator": (
        "erase_elsewhere(text[], text[], text[], text[], text, bool)",
        "erase_part(date, uuid, int, text[], text[], text, bool)",
        "item_keys(bytea)",
        "make_partition(text, date)",
        "shorten_days(int, text)",
        *_RETENTION,
    ),
}
"""Functions of the owner that a role may call. They check what may be created, dropped and deleted."""

_CREATE = """
DO $$ BEGIN
  CREATE ROLE {role} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""


def grant_roles(engine: Engine, passwords: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
    """Create the roles that are missing, and set their grants; return their names.

    `passwords` by role. The login must own the tables and be allowed to create roles. Safe to call again. Call it
    after a restore to a new server: a dump has no roles, and every login may call a function until that is revoked.
    """
    with engine.begin() as connection:
        connection.execute(_LOCK, {"key": _ADVISORY_LOCK})
        schema = connection.scalar(text("SELECT quote_ident(current_schema())"))
        for function in connection.scalars(_PUBLIC_FUNCTIONS).all():
            connection.execute(text(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC"))
        for role, grants in ROLES.items():
            connection.execute(text(_CREATE.format(role=role)))
            _grant(connection, schema, role, grants)
            if role in passwords:
                _allow_login(connection, role, passwords[role])
    return tuple(ROLES)


def _grant(connection: Connection, schema: str, role: str, grants: Grants) -> None:
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        connection.execute(text(f"REVOKE ALL ON ALL {kind} IN SCHEMA {schema} FROM {role}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {role}"))
    for table, privileges in grants.items():
        connection.execute(text(f"GRANT {privileges} ON {table} TO {role}"))
    for function in FUNCTIONS.get(role, ()):
        connection.execute(text(f"GRANT EXECUTE ON FUNCTION {function} TO {role}"))


def _allow_login(connection: Connection, role: str, password: str) -> None:
    """Hash the password here, because the server may log its statements."""
    driver: Any = connection.connection.driver_connection
    hashed = driver.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.exec_driver_sql(f"ALTER ROLE {role} LOGIN PASSWORD '{hashed}'")
