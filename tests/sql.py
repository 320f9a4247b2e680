"""A test's own look into the database, past the code under test."""

from typing import Any

from sqlalchemy import Engine, text


class Sql:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def one(self, statement: str, **values: Any) -> dict[str, Any]:
        with self.engine.connect() as connection:
            return dict(connection.execute(text(statement), values).mappings().one())

    def all(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(statement), values).mappings()]

    def run(self, statement: str, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(text(statement), values)
