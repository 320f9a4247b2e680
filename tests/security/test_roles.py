"""Each process works under a role that may do its own work on the database and nothing else."""

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages

import psycopg
import pytest
from sqlalchemy import Engine, TextClause, event, text
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import ProgrammingError

import notifier.outbox
from notifier.database.engine import connect
from notifier.outbox.roles import ROLES, grant_roles
from notifier.outbox.tables import metadata
from tests.outbox.rows import Rows
from tests.security.errands import ERRANDS

Login = Callable[[str], Engine]

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
REFUSED = [
    ("notifier_bridge", "UPDATE deliveries SET provider_message_id = 'm'"),
    ("notifier_bridge", "UPDATE deliveries SET token = gen_random_uuid()"),
    ("notifier_bridge", "DELETE FROM notifications"),
    ("notifier_bridge", "SELECT * FROM suppressions"),
    ("notifier_bridge", "DROP TABLE deliveries"),
    ("notifier_bridge", "DELETE FROM operations"),
    ("notifier_bridge", "UPDATE days SET state = 'counted'"),
    ("notifier_bridge", "INSERT INTO day_counts VALUES ('2020-01-01', 'email', 'sent', 1, now())"),
    ("notifier_bridge", "SELECT watch_day('2020-01-01')"),
    ("notifier_bridge", "SELECT forget_shards(now(), 10)"),
    ("notifier_bridge", "SELECT shorten_days(3, 'because')"),
    ("notifier_bridge", "UPDATE retention SET keep_days = 3"),
    ("notifier_console", "SELECT keep_at_least(90)"),
    ("notifier_worker", "SELECT empty_day('2020-01-01', 90)"),
    ("notifier_feedback", "SELECT forget_rows('operations', 90, 10)"),
    ("notifier_console", "SELECT claim_day()"),
    ("notifier_worker", "SELECT * FROM status_updates"),
    ("notifier_worker", "DELETE FROM status_updates"),
    ("notifier_status_sender", "UPDATE deliveries SET status = 'sent'"),
    ("notifier_status_sender", "SELECT reason FROM deliveries"),
    ("notifier_status_sender", "UPDATE status_updates SET status = 'sent'"),
    ("notifier_bridge", "CREATE TABLE anything (id int)"),
    ("notifier_bridge", "ALTER TABLE deliveries ADD COLUMN anything int"),
    ("notifier_worker", "INSERT INTO notifications SELECT * FROM notifications"),
    ("notifier_worker", "INSERT INTO deliveries (notification_id) VALUES (gen_random_uuid())"),
    ("notifier_worker", "DELETE FROM deliveries"),
    ("notifier_worker", "UPDATE shards SET checkpoint = NULL"),
    ("notifier_worker", "DELETE FROM suppressions"),
    ("notifier_worker", "SELECT make_partition('deliveries', '2031-01-01')"),
    ("notifier_feedback", "SELECT record FROM notifications"),
    ("notifier_feedback", "UPDATE deliveries SET attempt = 0"),
    ("notifier_feedback", "DELETE FROM suppressions"),
    ("notifier_feedback", "SELECT raw FROM dead_letters"),
    ("notifier_preferences", "SELECT address FROM suppressions"),
    ("notifier_preferences", "INSERT INTO suppressions VALUES ('email', 'a', '', 'complaint', 'b')"),
    ("notifier_preferences", "DELETE FROM suppressions"),
    ("notifier_scaler", "SELECT recipient FROM deliveries"),
    ("notifier_scaler", "UPDATE deliveries SET status = 'sent'"),
    ("notifier_preferences", "SELECT recipient FROM deliveries"),
    ("notifier_preferences", "SELECT record FROM notifications"),
    ("notifier_preferences", "SELECT reason FROM operations"),
    ("notifier_worker", "SELECT change_opt_outs('email', '{a}', '{}', '{*}', '{}', 'b')"),
    ("notifier_console", "UPDATE deliveries SET provider_message_id = 'm'"),
    ("notifier_console", "UPDATE deliveries SET recipient = 'eve@example.com'"),
    ("notifier_console", "UPDATE notifications SET route = 'other'"),
    ("notifier_console", "UPDATE shards SET checkpoint = NULL"),
    ("notifier_console", "UPDATE shards SET owner = NULL, lease_until = NULL"),
    ("notifier_console", "UPDATE streams SET let_go_at = now()"),
    ("notifier_console", "UPDATE operations SET actor = 'somebody else'"),
    ("notifier_console", "DELETE FROM operations"),
    ("notifier_console", "DELETE FROM delivery_events"),
    ("notifier_console", "SELECT shorten_days(3, 'because')"),
    ("notifier_console", "SELECT empty_day('2020-01-01', 90)"),
    ("notifier_console", "DELETE FROM notifications"),
    ("notifier_console", "SELECT erase_elsewhere('{}', '{}', '{}', '{}', 'x', false)"),
    ("notifier_operator", "UPDATE deliveries SET provider_message_id = 'm'"),
    ("notifier_operator", "UPDATE deliveries SET recipient = 'eve@example.com'"),
    ("notifier_operator", "UPDATE operations SET actor = 'somebody else'"),
    ("notifier_operator", "DELETE FROM operations"),
    ("notifier_operator", "DELETE FROM delivery_events"),
    *((role, "TRUNCATE deliveries") for role in ROLES),
]


@pytest.fixture
def login(engine: Engine, database_url: str) -> Iterator[Login]:
    """An engine whose connections have a role, and no way back from it."""
    grant_roles(engine)
    made: list[Engine] = []

    def as_role(role: str) -> Engine:
        made.append(connect(database_url))

        @event.listens_for(made[-1], "connect")
        def _(connection: psycopg.Connection, record: object) -> None:
            connection.execute(f"SET SESSION AUTHORIZATION {role}".encode())
            connection.commit()

        return made[-1]

    yield as_role
    for each in made:
        each.dispose()


def test_what_a_restore_left_to_everybody_is_taken_back(engine: Engine, login: Login) -> None:
    """A dump takes functions from everybody by the same statement that gives them to a role: both fail without it."""
    with engine.begin() as connection:
        connection.execute(text("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO PUBLIC"))
    with login("notifier_scaler").connect() as connection:
        connection.execute(text("SELECT claim_day()"))
    grant_roles(engine)
    with login("notifier_scaler").connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("SELECT claim_day()"))
    with engine.connect() as connection:
        left = """
        SELECT proname FROM pg_proc WHERE proowner = current_user::regrole AND pronamespace = 'public'::regnamespace
        AND prosecdef AND has_function_privilege('public', oid, 'EXECUTE')
        """
        assert connection.scalars(text(left)).all() == []


def test_each_process_does_its_work_under_its_role(rows: Rows, login: Login) -> None:
    """And every statement is among its errands, so that a new one is tried on the day it is written."""
    seen: set[str] = set()
    for role, errand in ERRANDS.items():
        engine = login(role)
        event.listen(engine, "before_cursor_execute", lambda _, __, statement, *___: seen.add(plain(statement)))
        errand(rows, engine)
    missing = [
        name for name, statement in statements() if plain(str(statement.compile(dialect=dialect()))) not in seen
    ]
    assert ERRANDS.keys() == ROLES.keys()
    assert not missing, "\n".join(missing)


OWNERS = ("notifier.outbox.tables", "notifier.outbox.roles")
"""Modules whose statements the owner of the tables runs."""


def statements() -> Iterator[tuple[str, TextClause]]:
    rooms = walk_packages(notifier.outbox.__path__, "notifier.outbox.")
    modules = [each.name for each in rooms if not each.name.startswith(OWNERS)]
    for module in (*modules, "bridge.stream.gaps", "bridge.stream.leases", "bridge.stream.tree"):
        for name, value in vars(import_module(module)).items():
            if isinstance(value, TextClause):
                yield f"{module}.{name}", value


def plain(statement: str) -> str:
    """Without what depends on the values: casts, and the days of the ids."""
    days = r"\(([a-z_.]+) >= '[0-9a-f-]+' AND \1 < '[0-9a-f-]+'( OR \1 >= '[0-9a-f-]+' AND \1 < '[0-9a-f-]+')*\)"
    statement = re.sub(days, r"in_days(\1)", statement)
    return re.sub(r"/\* \d+ \*/|::\w+(\[\])?|\s+", "", statement)


def test_what_only_one_role_may_do_is_refused_to_others(rows: Rows, login: Login) -> None:
    rows.pending()
    engines = {role: login(role) for role in ROLES}
    for role, statement in REFUSED:
        with engines[role].connect() as connection, pytest.raises(ProgrammingError) as refused:
            connection.execute(text(statement))
        assert re.search("permission denied|must be owner", str(refused.value)), (role, statement)


GRANTED = """
SELECT has_table_privilege(:role, :table, :privilege)
    OR :privilege IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
       AND has_any_column_privilege(:role, :table, :privilege)
"""


def test_the_grants_are_those_of_the_list_and_no_others(engine: Engine) -> None:
    grant_roles(engine)
    with engine.begin() as connection:  # by hand, or by an older version
        connection.execute(text("GRANT ALL ON ALL TABLES IN SCHEMA public TO notifier_worker"))
        connection.execute(text("GRANT UPDATE (recipient) ON deliveries TO notifier_console"))

    assert grant_roles(engine) == tuple(ROLES)

    with engine.connect() as connection:
        for role, grants in ROLES.items():
            for table in (*metadata.tables, "alembic_version"):
                wanted = set(re.findall("[A-Z]+", grants.get(table, "")))
                found = {
                    privilege
                    for privilege in PRIVILEGES
                    if connection.scalar(text(GRANTED), {"role": role, "table": table, "privilege": privilege})
                }
                assert (role, table, found) == (role, table, wanted)


def test_no_role_reaches_a_partition_past_its_table(rows: Rows, login: Login) -> None:
    rows.pending()
    partition = rows.all(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'deliveries'::regclass"
    )[0]
    for role in ROLES:
        with login(role).connect() as connection, pytest.raises(Exception, match="permission denied"):
            connection.execute(text(f"SELECT * FROM {partition['name']}"))
