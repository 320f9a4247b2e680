"""What happened in a run, in a folder: enough to judge it again without running it again."""

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

Row = dict[str, Any]


@dataclass(frozen=True)
class History:
    """`run` is what was asked for and how long it took; `expected` whom an acknowledged record wants to be told;
    `journal` what SES accepted; `faults` what went wrong, and when; `ledger` what our own tables say in the end.
    """

    run: Row
    expected: list[str]
    journal: list[Row]
    faults: list[Row]
    ledger: Row

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.json").write_bytes(orjson.dumps(self.run, option=orjson.OPT_INDENT_2))
        (folder / "ledger.json").write_bytes(orjson.dumps(self.ledger, option=orjson.OPT_INDENT_2))
        _write_lines(folder / "expected.jsonl", self.expected)
        _write_lines(folder / "journal.jsonl", self.journal)
        _write_lines(folder / "faults.jsonl", self.faults)

    @classmethod
    def load(cls, folder: Path) -> "History":
        """Raises OSError where the folder holds none."""
        return cls(
            run=orjson.loads((folder / "run.json").read_bytes()),
            expected=read_lines(folder / "expected.jsonl"),
            journal=read_lines(folder / "journal.jsonl"),
            faults=read_lines(folder / "faults.jsonl"),
            ledger=orjson.loads((folder / "ledger.json").read_bytes()),
        )


def fresh(folder: Path) -> Path:
    """The folder, with nothing of an earlier run in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def read_lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def _write_lines(path: Path, rows: Iterable[str | Mapping[str, Any]]) -> None:
    with path.open("wb") as file:
        file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
