"""What `notifier up` shows of the logs of its processes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sandbox.system import System


def system(folder: Path, **options: str) -> System:
    servers: list[Any] = [SimpleNamespace()] * 5
    made = System(folder, *servers, options=options)
    made.children.append(SimpleNamespace(name="bridge", log=folder / "bridge.log"))  # type: ignore[arg-type]
    return made


def test_warnings_are_returned_once_and_whole(tmp_path: Path) -> None:
    made, log = system(tmp_path), tmp_path / "bridge.log"
    log.write_text("12:00 [info     ] started\n12:01 [warning  ] late\n12:02 [warn")
    assert list(made.new_warnings()) == ["bridge: 12:01 [warning  ] late"]
    with log.open("a") as file:
        file.write("ing  ] later\n")
    assert list(made.new_warnings()) == ["bridge: 12:02 [warning  ] later"]
