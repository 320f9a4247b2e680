"""Which routes a module declares. Each `@route` is noted when it runs, because names of a module can be rebound.

The list is kept in the globals of the module whose import runs the decorator, also if the decorator is in a function
or a class of another module. It keeps any object as a route.
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
    """The routes of one execution of a module.

    `importlib.reload` executes a module again, with another `__spec__` and with the names of the execution before.
    `stale` are the routes of earlier executions.
    """

    def __init__(self, spec: object, stale: Sequence[Any]) -> None:
        super().__init__()
        self.spec = spec
        self.stale = stale
        self.own: list[Any] = []


def declare(function: Callable[..., Any], route: object) -> None:
    """Note a route of a function. Decorators run from the bottom up; the topmost becomes the first route."""
    decorated = routes_of(function)
    setattr(function, _DECORATED, (route, *decorated))
    scope = _importing()
    declared = _declared_in(scope)
    _add(declared, _bound(scope, set()))
    place = next((n for n, each in enumerate(declared) if decorated and each is decorated[0]), len(declared))
    declared.insert(place, route)
    declared.own.append(route)


def routes_of(function: object) -> tuple[Any, ...]:
    """Return the routes that decorate a function, the topmost first. Empty for any other object."""
    if type(function) is not FunctionType:  # a proxy in the user's module may raise on any attribute
        return ()
    found: tuple[Any, ...] = getattr(function, _DECORATED, ())
    return found


def routes_in(module: ModuleType) -> list[Any]:
    """Return the routes that a module declares or imports, each once, in the order in which they are in the module.

    It imports the routes of functions that it imports by name, and all routes of modules that it imports as a name
    (`from . import friends`).
    """
    return _routes_in(module, set())


def declared_elsewhere(found: Sequence[Any]) -> list[Any]:
    """Return the routes that any module of this process declares and that are not in `found`."""
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
    """Yield the routes of the functions and modules that the names of a module refer to."""
    name = str(scope.get("__name__", ""))
    declared = scope.get(_DECLARED)
    stale = declared.stale if isinstance(declared, _Declared) else ()
    for value in list(scope.values()):
        if type(value) is ModuleType:
            if value.__name__ not in seen and _may_export(value, name):
                yield from _routes_in(value, seen)
        else:
            yield from (each for each in routes_of(value) if not _holds(stale, each))


def _may_export(module: ModuleType, to: str) -> bool:
    """Return whether the routes of `module` belong to the module `to`, which has it as a name.

    Not if it is a package that contains `to`: its names are all of its modules that were imported, by any module.
    """
    if to.startswith(f"{module.__name__}."):
        return False
    return _DECLARED in vars(module) or module.__name__.partition(".")[0] == to.partition(".")[0]


def _importing() -> Scope:
    """Return the globals of the module that is being executed."""
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
    """Return whether the route is in the list. By identity, because two routes may be equal."""
    return any(each is route for each in routes)
