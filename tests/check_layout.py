"""`make check`: files and folders keep their size, packages have a docstring, imports make no circle, no text uses a
word of the list below, and no conflict of a merge is left.

Each finding is one line `FILE:LINE: what is wrong`. Exit status 1 if there is one.
"""

import ast
import graphlib
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_LINES = 300
MOST_FILES = 14
PACKAGES = ("notifier", "bridge", "workers", "web", "celery_units", "simulators", "sandbox", "bench")

FORBIDDEN = {
    "anybody's hands": "outstanding, reserved",
    "the bells wait": "BLMOVE blocks",
    "came too late rest": "wait on the wake-up list",
    "needs no credit": "does not count against the prefetch limit",
    "knows better": "overrides",
    "bears no second": "is not thread-safe",
    "this attempt came to": "the result of this attempt",
    "under way for when": "while the attempt was in progress",
    "becomes some": "counts only once",
    "must not be asked only": "resolves to private addresses only",
    "able to nothing but": "treated as",
    "of what became": "the outcome of",
    "still at it": "still running",
    "bell": "wake-up, waiter",
    "bells": "wake-ups, waiters",
    "stranger": "another process, a cancelled message",
    "strangers": "other processes, cancelled messages",
    "a bad day": "a fault of the provider",
    "bad days": "faults of the provider",
    "blow": "fault",
    "blows": "faults",
    "crew": "processes",
    "whoever": "anyone who, the process that",
    "nobody": "no one, no process",
    "nobodys": "no one's",
}
"""Words of our prose that needed a second reading, each with what to write. In backticks a word is a value, as the
Unix user `nobody`, and allowed.
"""

_FORBIDDEN = re.compile(
    r"(?<!`)\b(?:" + "|".join(map(re.escape, sorted(FORBIDDEN, key=len, reverse=True))) + r")\b(?!`)", re.IGNORECASE
)
_VAGUE = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}


def main() -> int:
    files = [Path(each) for each in _tracked() if (ROOT / each).is_file()]
    found = [
        *long_files(files),
        *full_folders(files),
        *vague_names(files),
        *undescribed(files),
        *circles(files),
        *words(files),
        *conflicts(files),
    ]
    for line in found:
        print(f"layout: {line}")
    if not found:
        print(
            f"layout: {len(files)} files, none too long, no folder too full, no circle, no forbidden word or conflict"
        )
    return min(len(found), 1)


def _tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [each for each in done.stdout.split("\0") if each]


def long_files(files: Iterable[Path], most: int = MOST_LINES) -> Iterator[str]:
    """Python files outside tests and migrations that have more than `most` lines."""
    for file in files:
        if file.suffix in {".py", ".sql", ".lua"} and file.parts[0] not in {"tests", "alembic"}:
            lines = len((ROOT / file).read_text().splitlines())
            if lines > most:
                yield f"{file}:1: {lines} lines, at most {most} are allowed: split it by nouns"


def full_folders(files: Iterable[Path], most: int = MOST_FILES) -> Iterator[str]:
    """Folders with more than `most` Python files beside each other. Migrations are a list, not a package."""
    counts: dict[Path, int] = {}
    for file in files:
        if file.suffix == ".py" and file.name != "__init__.py" and file.parts[0] != "alembic":
            counts[file.parent] = counts.get(file.parent, 0) + 1
    for folder, count in sorted(counts.items()):
        if count > most:
            yield f"{folder}:1: {count} files beside each other, at most {most} are allowed: group them in folders"


def vague_names(files: Iterable[Path]) -> Iterator[str]:
    """Files whose name says nothing about what is in them."""
    for file in files:
        if file.suffix == ".py" and file.stem in _VAGUE:
            yield f"{file}:1: the name says nothing: name the noun that is in it"


def undescribed(files: Iterable[Path]) -> Iterator[str]:
    """Packages without a docstring: their name alone does not say what is in them. Of tests, those that are not named
    after a folder of the code.
    """
    for file in files:
        is_package = file.name == "__init__.py" and (file.parts[0] in PACKAGES or _names_no_code(file.parent))
        if is_package and ast.get_docstring(ast.parse((ROOT / file).read_text())) is None:
            yield f"{file}:1: the package has no docstring: say in one line what is in it"


def _names_no_code(folder: Path) -> bool:
    if folder.parts[0] != "tests" or folder == Path("tests"):
        return False
    tested = folder.relative_to("tests")
    return not any((ROOT / each / tested).is_dir() for each in (".", "notifier"))


def circles(files: Iterable[Path]) -> Iterator[str]:
    """Circles of imports, those inside functions included, but not those for the type checker only."""
    graph = imports(files)
    for circle in _circles(graph):
        yield f"{circle[0].replace('.', '/')}.py:1: imports go in a circle: {' -> '.join([*circle, circle[0]])}"


def imports(files: Iterable[Path]) -> Mapping[str, frozenset[str]]:
    """For each of our modules those of ours that it imports."""
    modules = {_module(file): file for file in files if file.suffix == ".py" and file.parts[0] in PACKAGES}
    return {
        module: frozenset(_imported(ast.parse((ROOT / file).read_text()), modules) - {module})
        for module, file in modules.items()
    }


def _module(file: Path) -> str:
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(tree: ast.AST, modules: Mapping[str, Path]) -> set[str]:
    found: set[str] = set()
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in modules}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found |= {name} if name in modules else {node.module} & modules.keys()
        todo.extend(ast.iter_child_nodes(node))
    return found


def _circles(graph: Mapping[str, frozenset[str]]) -> Iterator[list[str]]:
    """One circle, if there is any: the next one shows when this one is mended."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield error.args[1][:-1]


def words(files: Iterable[Path]) -> Iterator[str]:
    """Forbidden words in comments and strings of Python, in SQL and Lua comments, and in our pages."""
    for file in files:
        if file == Path("tests/check_layout.py") or file.name == "CHANGELOG.md":
            continue
        if file.suffix == ".py":
            texts: Iterable[tuple[int, str]] = _prose(ROOT / file)
        elif file.suffix in {".md", ".sql", ".lua"}:
            texts = enumerate((ROOT / file).read_text().splitlines(), 1)
        else:
            continue
        for line, text in texts:
            for match in _FORBIDDEN.finditer(text):
                at = line + text.count("\n", 0, match.start())
                plain = FORBIDDEN[match.group().lower()]
                yield f"{file}:{at}: the word {match.group()!r}: write {plain!r}, or what is meant"


def conflicts(files: Iterable[Path]) -> Iterator[str]:
    """Lines that a merge leaves where both sides have changed a file."""
    for file in files:
        for line, text in enumerate((ROOT / file).read_bytes().split(b"\n"), 1):
            if text.startswith((b"<<<<<<< ", b">>>>>>> ")):
                yield f"{file}:{line}: both sides of a merge: keep what is right of each"


def _prose(file: Path) -> Iterator[tuple[int, str]]:
    """Comments and docstrings; and names, of which each part counts as a word."""
    with file.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""')):
                yield token.start[0], token.string
            elif token.type == tokenize.NAME:
                yield token.start[0], re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", token.string)


if __name__ == "__main__":
    sys.exit(main())
