"""A new template: a folder that works at once, with sample values."""

import re
from pathlib import Path

from notifier.errors import UsageError
from notifier.templates.checks import SAMPLES

_STARTER = Path(__file__).parent / "starter"
_NAME = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)*")


def start(folder: Path, name: str) -> list[Path]:
    """Write the files of a new template and return their paths. `folder` is that of all templates; it is created.

    Raise UsageError, and write nothing, if the name is invalid or one of the files exists.
    """
    if not _NAME.fullmatch(name) or f"{name}/".startswith(SAMPLES):
        raise UsageError(f"{name!r} is no name of a template: use a-z, 0-9, - and _, as in order_shipped")
    files = {folder / name / each: _STARTER / each for each in ("subject.txt", "body.html", "body.txt")}
    files[folder / f"{SAMPLES}{name}.json"] = _STARTER / "sample.json"
    if existing := [path for path in files if path.exists()]:
        raise UsageError(f"{existing[0]} exists already; nothing was written")
    try:
        for path, source in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(source.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"the template cannot be written: {error}") from None
    return list(files)
