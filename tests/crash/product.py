"""The product that status updates go to: a file with what it accepted. It refuses some updates at first."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from notifier.notifications import Status
from workers.status_updates.destination import OutgoingUpdate


class Product:
    """A destination. Of a process's first request it accepts nothing, so that all must be sent again."""

    name = "https://product.example/updates"
    batch: ClassVar[int] = 10
    concurrency: ClassVar[int] = 1

    def __init__(self, file: Path) -> None:
        self._file = file
        self._refuses = True

    def send(self, updates: Sequence[OutgoingUpdate]) -> list[str | None]:
        if self._refuses:
            self._refuses = False
            return ["not yet"] * len(updates)
        with self._file.open("a") as file:
            file.writelines(f"{each.body}\n" for each in updates)
        return [None] * len(updates)

    def close(self) -> None:
        """It keeps no connection."""


def untold(file: Path, deliveries: Iterable[dict[str, Any]]) -> list[str]:
    """What the product does not know, or was told out of order; an update that comes again counts once."""
    lines = file.read_text().splitlines() if file.exists() else []
    told: dict[str, list[tuple[int, str]]] = defaultdict(list)
    seen: Counter[str] = Counter()
    for update in map(json.loads, lines):
        seen[update["id"]] += 1
        if seen[update["id"]] == 1:
            told[update["notification_id"]].append((update["number"], update["status"]))
    wrong = []
    for each in deliveries:
        found = told.get(str(each["notification_id"]), [])
        if [number for number, _ in found] != list(range(1, (each["updates"] or 0) + 1)):
            wrong.append(f"{each['notification_id']} {found} of {each['updates']}")
        elif each["status"] in {Status.SHADOWED, Status.MERGED}:
            continue  # of what is in shadow the product is told nothing, and of a digest what became of its leader
        elif found and found[-1][1] != each["status"]:
            wrong.append(f"{each['notification_id']} is {each['status']}, and {found[-1][1]} was told last")
        elif not found:
            wrong.append(f"{each['notification_id']} is {each['status']}, and nothing was told")
    return wrong
