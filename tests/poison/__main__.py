"""`python -m tests.poison`: 199 healthy events and one that kills its worker, at a visibility of 10 seconds.

Ends with one line of JSON, and with 0 only if each healthy event is sent within 30 seconds with at most 3 crashes.
"""

import json
import secrets
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from notifier.database.engine import connect
from notifier.database.schema import migrate
from sandbox.embedded.postgres import embedded_postgres
from sandbox.embedded.redis import embedded_redis
from sandbox.embedded.ses import ses_simulator
from tests.outbox.rows import Rows
from tests.poison.routes import POISONS
from tests.poison.trial import Result, Trial

HEALTHY, VISIBILITY, SECONDS, CRASHES = 199, 10, 30.0, 3


def main() -> None:
    results = []
    with tempfile.TemporaryDirectory(prefix="notifier-poison-") as name:
        folder = Path(name)
        with (
            embedded_postgres(folder, durable=False) as postgres,
            embedded_redis(folder, durable=False) as redis,
            ses_simulator(folder) as ses,
        ):
            for kind in POISONS:
                own = folder / kind
                hello = own / "templates" / "hello"
                hello.mkdir(parents=True)
                (hello / "subject.txt").write_text("Hello {{ name }}")
                (hello / "body.txt").write_text("Dear {{ name }}, hello.")
                database = f"poison_{secrets.token_hex(4)}"
                postgres.create_database(database)
                migrate(postgres.url(database))
                engine = connect(postgres.url(database))
                trial = Trial(Rows(engine), ses, own, postgres.url(database), redis.url, VISIBILITY)
                results.append(trial.run(kind, HEALTHY))
                print(results[-1], file=sys.stderr)
                engine.dispose()
    print(json.dumps([asdict(each) for each in results]))
    sys.exit(not all(_is_good(each) for each in results))


def _is_good(result: Result) -> bool:
    return (
        (result.sent, result.failed) == (HEALTHY, 1)
        and result.seconds <= SECONDS
        and max(result.crashes, result.runs) <= CRASHES
    )


if __name__ == "__main__":
    main()
