"""The packages that Notifier installs, and what of other people has the name of one and so hides it, or is hidden."""

import sys
from importlib.util import find_spec
from pathlib import Path

from notifier.errors import PackageHidden

PACKAGES = frozenset(
    ("bridge", "celery_units", "examples", "notifier", "sandbox", "simulators", "web", "workers"),
)
"""Those of the wheel, see pyproject.toml."""
_ROOT = Path(__file__).parents[2].resolve()


def check_not_hidden(module: str) -> None:
    """Raise PackageHidden if `module` is in a package of ours, and Python imports another one of this name."""
    if where := _hidden_by(package := _top(module)):
        raise PackageHidden(
            f"the package {package} of Notifier is hidden by {where}, which comes first on Python's path. Rename it, "
            f"or take {where.parent} off PYTHONPATH: `notifier` finds the module of NOTIFIER_ROUTES in its working "
            "folder without that"
        )


def hidden_namesake(module: str) -> Path | None:
    """Return the file or folder on Python's path that `module` would be, if Notifier had no package of that name.

    None if there is none, and if the module is in no package of Notifier's name.
    """
    if _top(module) not in PACKAGES:
        return None
    for folder in map(Path, sys.path):
        path = folder.joinpath(*module.split("."))
        for found in (path, path.with_name(f"{path.name}.py")):
            if (found.is_dir() if found is path else found.is_file()) and folder.resolve() != _ROOT:
                return found.absolute()
    return None


def name_is_taken(module: str, namesake: Path) -> str:
    """Return the sentence about a `namesake`, which is what `hidden_namesake` returned for the module."""
    return (
        f"{namesake} cannot be imported, because Notifier has a package {_top(module)} of its own: rename "
        f"{_top(module)}, or put the routes elsewhere"
    )


def _hidden_by(package: str) -> Path | None:
    spec = find_spec(package) if package in PACKAGES else None
    if spec is None or spec.origin is None:
        return None
    found = Path(spec.origin)
    if found.name == "__init__.py":
        found = found.parent
    return None if found.parent.resolve() == _ROOT else found.absolute()


def _top(module: str) -> str:
    return module.partition(".")[0]
