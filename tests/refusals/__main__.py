"""`python -m tests.refusals`: Redis refuses commands under load and at a worker's start. The last line is JSON."""

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from sandbox.embedded.processes import stopped_by_signals
from tests.refusals.kinds import KINDS
from tests.refusals.run import drain, fail_over, refuse, started


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.refusals", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each refusal lasts")
    parser.add_argument("--rate", type=float, default=50.0, help="events a second")
    parser.add_argument(
        "--only", nargs="*", choices=[*KINDS], metavar="KIND", default=[*KINDS], help=", ".join(KINDS)
    )
    parser.add_argument(
        "--messages", type=int, default=5_000, help="in the full Redis that a new worker drains; or 0"
    )
    parser.add_argument("--failovers", type=int, default=6, help="in turn with and without a kill")
    given = parser.parse_args()
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")
    folder = Path(tempfile.mkdtemp(prefix="notifier-refusals-"))
    with stopped_by_signals():
        found = []
        with started(folder) as system:
            for kind in given.only:
                found.append(refuse(system, kind, given.seconds, given.rate))
                print(found[-1], file=sys.stderr)
            for number in range(given.failovers):
                found.append(fail_over(system, given.rate, kill=number % 2 == 1))
                print(found[-1], file=sys.stderr)
        drained = drain(given.messages, folder) if given.messages else None
    print(json.dumps({"refusals": [asdict(each) for each in found], "drained_seconds": drained, "logs": str(folder)}))
    return 0 if all(each.good for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
