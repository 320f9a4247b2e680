"""Checks a Promela model with spin: all of its states, in a program that spin writes and a C compiler compiles."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

SPIN, COMPILER = shutil.which("spin"), shutil.which("gcc") or shutil.which("cc")
MISSING = "apt-get install spin gcc" if SPIN is None or COMPILER is None else None

_DEEPEST = "200000"
_MEGABYTES = "1024"


class Search(Enum):
    """What to look for, as options of the compiler and of the search."""

    ALL = ("-O1", "-DSAFETY"), ()
    SHORTEST = ("-O0", "-DSAFETY", "-DBFS"), ()  # the shortest way to a broken promise
    ENDLESS = ("-O1", "-DNP"), ("-l",)  # runs that never end, too


@dataclass(frozen=True)
class Verdict:
    """What a search found. `broken` is the comment behind the assertion that failed, `trail` how it came to that.

    `never` are the lines of the model that no run reaches.
    """

    broken: str | None
    states: int
    never: frozenset[int]
    trail: str


def check(model: Path, folder: Path, *defines: str, search: Search = Search.ALL) -> Verdict:
    """Search the states of the model under these defines. Raises RuntimeError where the search was cut short."""
    compiled, searched = search.value
    options = [f"-D{each}" for each in defines]
    copied = shutil.copy(model, folder)
    _run(folder, str(SPIN), "-a", *options, copied)
    _run(folder, str(COMPILER), "-w", f"-DMEMLIM={_MEGABYTES}", *compiled, "-o", "pan", "pan.c")
    said = _run(folder, "./pan", f"-m{_DEEPEST}", *searched)
    found = re.search(r"errors: (\d+)", said)
    if found is None or ("Search not completed" in said and found[1] == "0"):
        raise RuntimeError(said)
    states = int(re.findall(r"(\d+) states, stored", said)[0])
    never = frozenset(int(line) for line in re.findall(rf"{model.name}:(\d+), state", said))
    if found[1] == "0":
        return Verdict(None, states, never, "")
    trail = _run(folder, str(SPIN), "-t", "-p", *options, copied)
    return Verdict(_broken(model, said, trail), states, never, trail)


def _broken(model: Path, said: str, trail: str) -> str:
    if "non-progress cycle (" in said:
        return "every run ends"
    failed = re.search(rf"{model.name}:(\d+), Error: assertion violated", trail)
    if failed is None:
        raise RuntimeError(said + trail)
    comment = re.search(r"/\* (.+) \*/", model.read_text().splitlines()[int(failed[1]) - 1])
    assert comment is not None
    return comment[1]


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and command[0] != "./pan":
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout + done.stderr
