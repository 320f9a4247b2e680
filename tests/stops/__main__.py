"""`python -m tests.stops`: SIGTERM to a worker with a backlog at a slow provider. The last line is JSON."""

import argparse
import json
import os
import secrets
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from sandbox.embedded.processes import stopped_by_signals
from tests.stops.run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stops", description=__doc__)
    parser.add_argument("--stops", type=int, default=10)
    parser.add_argument("--rate", type=float, default=14.0, help="mails a second that the provider allows")
    parser.add_argument("--events", type=int, default=3_000, help="the backlog")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="draws the moments of the stops")
    given = parser.parse_args()
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")
    folder = Path(tempfile.mkdtemp(prefix="notifier-stops-"))
    with stopped_by_signals():
        found = run(given.stops, given.rate, given.events, given.seed, folder)
    for each in found.stops:
        print(each, file=sys.stderr)
    print(json.dumps({**asdict(found), "seed": given.seed, "logs": str(folder)}))
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
