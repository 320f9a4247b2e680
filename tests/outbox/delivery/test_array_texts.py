"""Parameters as the text of Postgres' arrays: Postgres reads what was given."""

import pytest
from sqlalchemy import Engine, text

from notifier.database.engine import storable
from notifier.outbox.delivery.changes import text_array, texts_or_nulls

READ = text("SELECT CAST(:given AS text[])")
ODD = ["", " ", "a", '"', "\\", '\\"', "a,b", "{}", "NULL", "a\nb\tc", "é😀", "a\0b", "half \ud83d", '","']


def read(engine: Engine, written: str) -> list[str | None]:
    with engine.connect() as connection:
        return list(connection.execute(READ, {"given": written}).scalar_one())


@pytest.mark.parametrize("odd", [ODD, *([each] for each in ODD), ["a", "b"], ["", ""], ['a"'], ['"', "a", "\\"], []])
def test_texts_arrive_as_they_were_given(engine: Engine, odd: list[str]) -> None:
    assert read(engine, text_array(odd)) == [storable(each) for each in odd]


@pytest.mark.parametrize("odd", [[None, *ODD, None], [None], [None, None], ["a", None], ["NULL", None], ["a", "b"]])
def test_none_is_null_among_texts(engine: Engine, odd: list[str | None]) -> None:
    assert read(engine, texts_or_nulls(odd)) == [each if each is None else storable(each) for each in odd]
