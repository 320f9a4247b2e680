"""Which routes a module declares. Each `@route` is noted when it runs, because a name of the module can be rebound.

The note is kept in the globals of the module whose import runs the decorator, also where the decorator stands in a
function or a class of another module. Routes are kept as they come; this module knows nothing about them.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType, FunctionType, ModuleType
from typing import Any

_DECLARED = "__notifier_declared__"
_DECORATED = "__notifier_routes__"

Scope = dict[str, Any]
"""The globals of a module."""


class _Declared(list[Any]):
    """The routes of one execution of a module. `importlib.reload` executes it again, with another `__spec__` and with
    the names of the execution before: `stale` are its routes.
    """

    def __init__(self, spec: object, stale: Sequence[Any]) -> None:
        super().__init__()
        self.spec = spec
        self.stale = stale
        self.own: list[Any] = []


def declare(function: Callable[..., Any], route: object) -> None:
    """Note a route of a function. Decorators apply from the bottom up; the topmost route comes first."""
    decorated = routes_of(function)
    setattr(function, _DECORATED, (route, *decorated))
    scope = _importing()
    declared = _declared_in(scope)
    _add(declared, _bound(scope, set()))
    place = next((n for n, each in enumerate(declared) if decorated and each is decorated[0]), len(declared))
    declared.insert(place, route)
    declared.own.append(route)


def routes_of(function: object) -> tuple[Any, ...]:
    """The routes that decorate a function, the topmost first."""
    if type(function) is not FunctionType:  # a proxy in the user's module may raise whatever it is asked
        return ()
    found: tuple[Any, ...] = getattr(function, _DECORATED, ())
    return found


def routes_in(module: ModuleType) -> list[Any]:
    """The routes that a module declares, and those that it imports, each once: those of functions that it imports by
    name, and all routes of modules that it imports as a name (`from . import friends`).

    They come in the order in which they stand in the module.
    """
    return _routes_in(module, set())


def declared_elsewhere(found: Sequence[Any]) -> list[Any]:
    """The routes that any module of this process declares and that are not among `found`."""
    others: list[Any] = []
    for module in list(sys.modules.values()):
        if type(module) is ModuleType:
            _add(others, vars(module).get(_DECLARED, ()))
    return [each for each in others if not _holds(found, each)]


def _routes_in(module: ModuleType, seen: set[str]) -> list[Any]:
    seen.add(module.__name__)
    found: list[Any] = []
    _add(found, vars(module).get(_DECLARED, ()))
    _add(found, _bound(vars(module), seen))
    return found


def _bound(scope: Scope, seen: set[str]) -> Iterator[Any]:
    """The routes that names of the module lead to."""
    name = str(scope.get("__name__", ""))
    declared = scope.get(_DECLARED)
    stale = declared.stale if isinstance(declared, _Declared) else ()
    for value in list(scope.values()):
        if type(value) is ModuleType:
            if value.__name__ not in seen and _may_lend(value, name):
                yield from _routes_in(value, seen)
        else:
            yield from (each for each in routes_of(value) if not _holds(stale, each))


def _may_lend(module: ModuleType, to: str) -> bool:
    """Whether routes of `module` belong to the module `to`, which has it as a name. A package that `to` is in does
    not lend: its names are all of its modules that anybody has imported.
    """
    if to.startswith(f"{module.__name__}."):
        return False
    return _DECLARED in vars(module) or module.__name__.partition(".")[0] == to.partition(".")[0]


def _importing() -> Scope:
    """The globals of the module that is being executed."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  what `inspect` uses, without reading sources
    outermost = frame
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return frame.f_globals
        outermost, frame = frame, frame.f_back
    return outermost.f_globals if outermost else {}


def _declared_in(scope: Scope) -> _Declared:
    declared, spec = scope.get(_DECLARED), scope.get("__spec__")
    if not isinstance(declared, _Declared) or declared.spec is not spec:
        stale = [*declared.stale, *declared.own] if isinstance(declared, _Declared) else []
        declared = scope[_DECLARED] = _Declared(spec, stale)
    return declared


def _add(routes: list[Any], more: Iterator[Any] | Sequence[Any]) -> None:
    for each in more:
        if not _holds(routes, each):
            routes.append(each)


def _holds(routes: Sequence[Any], route: object) -> bool:
    """By identity: two routes may be equal."""
    return any(each is route for each in routes)
