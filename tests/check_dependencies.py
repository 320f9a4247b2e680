"""`make check`: the locks hold what pyproject.toml asks for, with hashes, and nothing that is not needed.

No database of advisories is asked: `make check` works offline. It says so, and how to ask one.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.MULTILINE)
_EXTRA = re.compile(r"extra == ['\"]([\w.-]+)['\"]")
ADVICE = "known weaknesses and yanked versions were not looked for: `uvx pip-audit -r requirements.lock` does, online"

Pins = Mapping[str, str]


def main() -> int:
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    lock, image = ((root / name).read_text() for name in ("requirements.lock", "requirements-image.lock"))
    wanted = list(declared(project))
    found = [
        *faults(wanted, lock),
        *(f"requirements-image.lock: {each}" for each in not_locked(pins(image), pins(lock))),
        *(f"requirements-image.lock: {name} has no hash" for name in unhashed(image)),
        *(f"{name} is locked, and nothing needs it" for name in sorted(unneeded(wanted, pins(lock)))),
    ]
    for line in found:
        print(f"dependencies: {line}")
    if not found:
        print(f"dependencies: {len(pins(lock))} packages, each with hashes, none without need; {ADVICE}")
    return min(len(found), 1)


def declared(project: Mapping[str, object]) -> Iterator[Requirement]:
    """What the project asks for, in every extra and group."""
    match project:
        case {"project": {"dependencies": needed, "optional-dependencies": extras}, "dependency-groups": groups}:
            for each in (needed, *extras.values(), *groups.values()):
                yield from map(Requirement, each)


def pins(lock: str) -> Pins:
    return {canonicalize_name(each["name"]): each["version"] for each in _PIN.finditer(lock)}


def unhashed(lock: str) -> list[str]:
    return [each["name"] for each in _PIN.finditer(lock) if "--hash=sha256:" not in each["rest"]]


def faults(wanted: Iterable[Requirement], lock: str) -> Iterator[str]:
    locked = pins(lock)
    yield from (f"{name} has no hash" for name in unhashed(lock))
    yield from (f"{line} is not pinned" for line in re.findall(r"^[\w.-]+(?!==)[<>~!=].*$", lock, re.MULTILINE)
                if not _PIN.match(line))  # fmt: skip
    for each in wanted:
        version = locked.get(canonicalize_name(each.name))
        if version is None or not each.specifier.contains(version, prereleases=True):
            yield f"{each} is asked for, {version or 'nothing'} is locked: `make lock`"


def not_locked(some: Pins, all_: Pins) -> Iterator[str]:
    yield from (f"{name} {version} is not in requirements.lock" for name, version in some.items()
                if all_.get(name) != version)  # fmt: skip


def unneeded(wanted: Iterable[Requirement], locked: Pins) -> set[str]:
    """Of those that are installed here: what others need cannot be told, their own needs are not known."""
    reached: set[tuple[str, str]] = set()
    todo = [(canonicalize_name(each.name), extra) for each in wanted for extra in ("", *each.extras)]
    while todo:
        if (here := todo.pop()) in reached:
            continue
        reached.add(here)
        name, extra = here
        for each in map(Requirement, _requires(name) or ()):
            asked = _EXTRA.findall(str(each.marker))
            if extra in asked or not (extra or asked):
                todo += [(canonicalize_name(each.name), more) for more in ("", *each.extras)]
    return {name for name in locked.keys() - {name for name, _ in reached} if _requires(name) is not None}


def _requires(name: str) -> list[str] | None:
    """None where it is not installed."""
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
