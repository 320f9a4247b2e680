"""Check a Promela model with spin: search all of its states by a C program that spin generates."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

SPIN, COMPILER = shutil.which("spin"), shutil.which("gcc") or shutil.which("cc")
MISSING = "apt-get install spin gcc" if SPIN is None or COMPILER is None else None

_DEEPEST = "200000"
_MEGABYTES = "1536"


class Search(Enum):
    """A kind of search: options of the compiler, and of the program."""

    ALL = ("-O1", "-DSAFETY"), ()
    SHORTEST = ("-O0", "-DSAFETY", "-DBFS"), ()  # the shortest run to a violated assertion
    ENDLESS = ("-O1", "-DNP"), ("-l",)  # also finds runs that never end


@dataclass(frozen=True)
class SearchResult:
    """The result of a search. `violated` is the comment after the assertion that failed, None if none did.

    `trail` is the run to that assertion, `unreached` the lines of the model that no run executes.
    """

    violated: str | None
    states: int
    unreached: frozenset[int]
    trail: str


def check(model: Path, folder: Path, *defines: str, search: Search = Search.ALL) -> SearchResult:
    """Search the states of the model with these #defines. Raises RuntimeError if the search was not completed."""
    compiled, searched = search.value
    options = [f"-D{each}" for each in defines]
    copied = shutil.copy(model, folder)
    _run(folder, str(SPIN), "-a", *options, copied)
    _run(folder, str(COMPILER), "-w", f"-DMEMLIM={_MEGABYTES}", *compiled, "-o", "pan", "pan.c")
    output = _run(folder, "./pan", f"-m{_DEEPEST}", *searched)
    found = re.search(r"errors: (\d+)", output)
    if found is None or ("Search not completed" in output and found[1] == "0"):
        raise RuntimeError(output)
    states = int(re.findall(r"(\d+) states, stored", output)[0])
    unreached = frozenset(int(line) for line in re.findall(rf"{model.name}:(\d+), state", output))
    if found[1] == "0":
        return SearchResult(None, states, unreached, "")
    trail = _run(folder, str(SPIN), "-t", "-p", *options, copied)
    return SearchResult(_violated(model, output, trail), states, unreached, trail)


def _violated(model: Path, output: str, trail: str) -> str:
    if "non-progress cycle (" in output:
        return "every run ends"
    failed = re.search(rf"{model.name}:(\d+), Error: assertion violated", trail)
    if failed is None:
        raise RuntimeError(output + trail)
    comment = re.search(r"/\* (.+) \*/", model.read_text().splitlines()[int(failed[1]) - 1])
    assert comment is not None
    return comment[1]


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and command[0] != "./pan":
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout + done.stderr
