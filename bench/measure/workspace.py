"""The folder of a command with its logs, and how the command ends."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifier.errors import NotifierError
from sandbox.embedded.cleanup import remove_folder
from sandbox.embedded.processes import stopped_by_signals


@contextmanager
def workspace() -> Iterator[Path]:
    """A new folder, which is removed after the block. Within it signals stop the children in order.

    After a NotifierError the command ends with one line and exit code 1, and the folder is kept, because the logs in
    it may say why. After Ctrl-C it ends with exit code 130.
    """
    folder = Path(tempfile.mkdtemp(prefix="notifier-bench-"))
    try:
        with stopped_by_signals():
            yield folder
    except NotifierError as error:
        raise SystemExit(f"{error}\nThe logs are in {folder}") from None
    except KeyboardInterrupt:
        remove_folder(str(folder))
        raise SystemExit(130) from None
    except BaseException:
        remove_folder(str(folder))
        raise
    remove_folder(str(folder))
