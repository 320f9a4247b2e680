"""The process of one preview: `python -m notifier.preview`, a question on standard input, the answer on its output.

It runs the user's code: its output is dropped, and a call of `sys.exit` ends only the build.
"""

import os
import resource
import signal
import sys
from typing import Any

import orjson

from notifier.preview.child import MEMORY_BYTES, SECONDS


def main() -> None:
    """Answer the question."""
    signal.alarm(int(SECONDS) + 5)  # ends this process also if the console, which ends it otherwise, was killed
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    question = orjson.loads(sys.stdin.buffer.read())
    answers.write(_dumped(_answer(question)))
    answers.flush()
    os._exit(0)  # threads of the user's code do not keep the console waiting


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    try:
        from notifier.preview.answers import answer

        return answer(question)
    except BaseException as error:  # noqa: BLE001  the import of the user's module may raise anything, SystemExit too
        from notifier.preview.message import failure_of

        failure = failure_of(error)
        return {"failed": failure["error"], "where": failure["where"]}


def _dumped(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, default=str)


if __name__ == "__main__":
    main()
