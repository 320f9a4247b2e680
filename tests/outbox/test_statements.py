"""Files of SQL: each says what it does, is used, and is sent without its comments."""

import re
from pathlib import Path

import pytest

from notifier.outbox.statements import statement

ROOT = Path(__file__).parents[2]
FILES = sorted(path for each in ("notifier", "bridge", "sandbox") for path in (ROOT / each).rglob("sql/*.sql"))
STREAM = "notifier.outbox.stream"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_what_it_does_and_is_used(path: Path) -> None:
    assert path.read_text().startswith("-- ")
    modules = [each.read_text() for each in path.parent.parent.glob("*.py")]
    named = any(f'"{path.name}"' in each for each in modules)
    texts = [*modules, *(each.read_text() for each in FILES)]
    assert named or any(re.search(rf"\{{{path.stem}\b", each) for each in texts)


def test_comments_are_not_sent() -> None:
    assert statement(STREAM, "lock_shard.sql").text.startswith("SELECT FROM shards WHERE id = :shard AND owner")


def test_a_fragment_of_the_folder_of_the_outbox_and_of_the_module_is_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "room" / "sql").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "room" / "__init__.py").touch()
    sql = {
        "whole": "-- Says it.\nWITH e AS (\n  {insert_due\n  SELECT {near now()} FROM changed -- all\n  }\n) {last}",
        "near": "-- Fragment.\nnearly({argument})",
    }
    for name, text in sql.items():
        (tmp_path / "room" / "sql" / f"{name}.sql").write_text(text)
    assert " ".join(statement("room", "whole.sql", last="SELECT '{}'").text.split()) == (
        "WITH e AS ( INSERT INTO due (notification_id, kind, channel, due_at) SELECT nearly(now()) FROM changed "
        "ON CONFLICT (notification_id) DO UPDATE SET kind = excluded.kind, channel = excluded.channel, "
        "due_at = excluded.due_at ) SELECT '{}'"
    )
    with pytest.raises(FileNotFoundError, match="nowhere"):
        statement("room", "nowhere.sql")
