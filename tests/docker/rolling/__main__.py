"""`python -m tests.docker.rolling`: all processes of docker-compose.yml are replaced under load, one after another.

Each event must have exactly one mail in the journal of SES's simulator, none may ever be unknown, and none later than
five seconds. The last line is JSON. With --servers Redis and Postgres are restarted instead; then nothing may be lost
or sent twice, but the five seconds do not count.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from notifier.errors import NotifierError
from tests.docker.rolling.run import replace_processes, restart_servers, run
from tests.docker.stack import reason_to_skip

_ENOUGH = 0.95
"""A run at less than this part of the rate does not show what was asked for."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.docker.rolling", description=__doc__)
    parser.add_argument("--rate", type=float, default=300.0, help="events a second (default: 300)")
    parser.add_argument("--servers", action="store_true", help="restart Redis and Postgres, not our processes")
    parser.add_argument("--folder", type=Path, help="for the log of the containers")
    given = parser.parse_args()
    if reason := reason_to_skip():
        print(reason, file=sys.stderr)
        return 2
    folder = given.folder or Path(tempfile.mkdtemp(prefix="notifier-rolling-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        found = run(folder, given.rate, restart_servers if given.servers else replace_processes, _tell)
    except NotifierError as error:
        print(f"rolling: {error}", file=sys.stderr)
        return 2
    for delay in found.delays:
        print(f"{delay.seconds:8.3f} s  written {delay.at:.1f} s after: {delay.what}", file=sys.stderr)
    print(json.dumps({**found.as_json(), "logs": str(folder)}))
    if found.events_per_second < given.rate * _ENOUGH:
        print(f"rolling: only {found.events_per_second:g} events a second could be written", file=sys.stderr)
        return 1
    return 0 if found.exact and (found.in_time or given.servers) else 1


def _tell(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
