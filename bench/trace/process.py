"""`notifier` with marks: `BENCH_TRACE=FOLDER python -m bench.trace.process bridge` writes them when it ends."""

import os
import sys
from pathlib import Path

from bench.trace.marks import Marks
from bench.trace.watch import watch_bridge, watch_worker
from notifier.__main__ import main

FOLDER = "BENCH_TRACE"
_WATCH = {"bridge": watch_bridge, "worker": watch_worker}


def traced() -> None:
    marks = Marks()
    _WATCH[sys.argv[1]](marks)
    try:
        main()
    finally:
        marks.write(Path(os.environ[FOLDER]), os.getpid())


if __name__ == "__main__":
    traced()
