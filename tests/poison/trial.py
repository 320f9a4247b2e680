"""A worker that is started again when it dies, and events of which one kills the process that builds it."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from notifier.broker import Broker
from notifier.notifications import Status
from sandbox.embedded.processes import Child
from sandbox.embedded.ses import SesServer
from sandbox.system import notifier_process
from tests.bridge.stream.records import record
from tests.outbox.rows import Rows

_MEMORY = 3_000_000_000


@dataclass(frozen=True)
class Result:
    """How many healthy events were sent, and within how many `seconds`; how often the worker crashed, how often the
    poison's route ran, and after how many seconds it had failed.
    """

    kind: str
    sent: int
    seconds: float
    failed: int
    reason: str
    crashes: int
    runs: int
    failed_seconds: float


class Trial:
    """One channel with `healthy` events and one poison among them, published at once."""

    def __init__(
        self, rows: Rows, ses: SesServer, folder: Path, database_url: str, broker_url: str, visibility: int
    ) -> None:
        self.rows, self._folder = rows, folder
        self._broker_url = broker_url
        self._log = folder / "poison.log"
        self.environment: Mapping[str, str] = {
            "NOTIFIER_DATABASE_URL": database_url,
            "NOTIFIER_ALLOW_NONDURABLE_DATABASE": "true",
            "NOTIFIER_BROKER_URL": broker_url,
            "NOTIFIER_AWS_SES_ENDPOINT_URL": ses.url,
            "NOTIFIER_AWS_REGION": "eu-west-1",
            "NOTIFIER_SENDER": "us@example.com",
            "NOTIFIER_SES_CONFIGURATION_SET": "notifier",
            "NOTIFIER_ROUTES": "tests.poison.routes",
            "NOTIFIER_TEMPLATES": str(folder / "templates"),
            "NOTIFIER_TABLES": "activity",
            "NOTIFIER_VISIBILITY_SECONDS": str(visibility),
            "NOTIFIER_HEARTBEAT_FOLDER": str(folder),
            "POISON_LOG": str(self._log),
        }

    def run(self, kind: str, healthy: int = 199, seconds: float = 180.0) -> Result:
        """Run until nothing is pending, or for so many seconds. A worker that died is started again at once."""
        environment = {**self.environment, **({"POISON_MEMORY": str(_MEMORY)} if kind == "memory" else {})}
        ids = self.pending(kind, healthy)
        self.publish(ids)
        child, crashes = self.worker(environment), 0
        began = sent_after = time.monotonic()
        try:
            while (counts := self._counts()).get(Status.FAILED, 0) + counts.get(Status.SENT, 0) <= healthy:
                if child.exit_code is not None:
                    crashes += 1
                    child = self.worker(environment)
                if time.monotonic() - began > seconds:
                    break
                if counts.get(Status.SENT, 0) < healthy:
                    sent_after = time.monotonic()
                time.sleep(0.1)
        finally:
            child.stop()
        (poison,) = ids[:1]
        return Result(
            kind, counts.get(Status.SENT, 0), round(sent_after - began, 1), counts.get(Status.FAILED, 0),
            str(self.rows.delivery(poison)["reason"]), crashes, len(self._log.read_text().splitlines()),
            round(time.monotonic() - began, 1),
        )  # fmt: skip

    def worker_log(self) -> str:
        return (self._folder / "worker.log").read_text(errors="replace")

    def worker(self, environment: Mapping[str, str]) -> Child:
        return notifier_process("worker", ("worker", "email"), self._folder, environment)

    def publish(self, ids: Sequence[UUID]) -> None:
        broker = Broker(self._broker_url)
        broker.publish("email", dict.fromkeys(ids, 0))
        broker.close()

    def suspects(self) -> dict[UUID, dict[str, Any]]:
        found = self.rows.all("SELECT notification_id, deaths, begun_by FROM suspects")
        return {row.pop("notification_id"): row for row in found}

    def count(self, status: Status) -> int:
        return self._counts().get(status, 0)

    def pending(self, kind: str, healthy: int) -> list[UUID]:
        """Insert the notifications, the poison first. Return their ids."""
        ids = self.rows.pending(healthy + 1)
        for number, id_ in enumerate(ids):
            poison: dict[str, Any] = {"poison": {"S": kind}} if number == 0 else {}
            stored = record(number, to={"S": f"p{number}@example.com"}, name={"S": "Ana"}, **poison)
            self.rows.run(
                "UPDATE notifications SET record = :r WHERE notification_id = :id",
                r=json.dumps(stored).encode(),
                id=id_,
            )
        return ids

    def _counts(self) -> dict[Status, int]:
        found = self.rows.all("SELECT status, count(*) AS n FROM deliveries GROUP BY status")
        return {Status(row["status"]): row["n"] for row in found}
