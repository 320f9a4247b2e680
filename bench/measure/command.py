"""What the commands of benchmarks share: types of options for argparse, a folder for logs, and how a command ends."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifier.errors import NotifierError
from sandbox.embedded.cleanup import remove_folder
from sandbox.embedded.processes import stopped_by_signals


def whole_number(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def positive(text: str) -> float:
    """A positive number."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def folder(text: str) -> Path:
    """A folder in which files can be made. It is made now, so that a wrong name is not noticed at the very end."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise argparse.ArgumentTypeError(f"no file can be made in {text}: {error.strerror}") from None


@contextmanager
def workspace() -> Iterator[Path]:
    """A new folder, which is removed after the block. Within it signals stop the children in order.

    After a NotifierError the command ends with one line and exit code 1, and the folder is kept, because the logs in
    it may say why. After Ctrl-C it ends with exit code 130.
    """
    path = Path(tempfile.mkdtemp(prefix="notifier-bench-"))
    try:
        with stopped_by_signals():
            yield path
    except NotifierError as error:
        raise SystemExit(f"{error}\nThe logs are in {path}") from None
    except KeyboardInterrupt:
        remove_folder(str(path))
        raise SystemExit(130) from None
    except BaseException:
        remove_folder(str(path))
        raise
    remove_folder(str(path))
