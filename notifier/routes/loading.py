"""Load the module that NOTIFIER_ROUTES names, and check its routes."""

import importlib
import sys
import traceback
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import structlog

from notifier.channels import channel_class, channel_names
from notifier.errors import RoutesError
from notifier.messages import Email
from notifier.process.own_packages import hidden_namesake, name_is_taken
from notifier.routes.declarations import declared_elsewhere, routes_in
from notifier.routes.route import Route
from notifier.routes.routes import Routes
from notifier.settings import RestrictionSettings

log = structlog.get_logger(__name__)


def load_routes(module: str) -> Routes:
    """Import a module, named as `package.module`, and return its routes.

    Raises RoutesError, which says what to change, if it cannot be imported, has no route, or has two of one name, and
    if the channel of a route is not installed.
    """
    if not module:
        raise RoutesError("NOTIFIER_ROUTES is not set: name the Python module with your routes, as package.module")
    if module.endswith(".py") or "/" in module:
        name = module.removeprefix("./").removesuffix(".py").replace("/", ".")
        raise RoutesError(f"NOTIFIER_ROUTES={module} is a file: name the module, without .py: NOTIFIER_ROUTES={name}")
    loaded = _import(module)
    found = routes_in(loaded)
    if others := declared_elsewhere(found):
        log.warning(
            "routes of other modules are not used: import the modules, or the functions, in NOTIFIER_ROUTES",
            routes=[f"{each.name} ({each.where})" for each in others[:10]],
            count=len(others),
        )
    if namesake := hidden_namesake(module):
        if not found:
            raise RoutesError(f"NOTIFIER_ROUTES={module}: {name_is_taken(module, namesake)}")
        log.warning("the routes are those of Notifier's own package", module=module, not_of=str(namesake))
    if not found:
        raise RoutesError(f"{module} has no route: decorate a function with @route(table=..., channel=...)")
    check_channels(found)
    return Routes(found, Path(loaded.__file__) if loaded.__file__ else None)


def shadowed(routes: Routes, settings: RestrictionSettings) -> Routes:
    """Return the routes, in shadow for the events that NOTIFIER_SHADOW, _SHADOW_UNTIL and _SHADOW_FROM say."""
    return routes.in_shadow(settings.shadow, settings.shadow_until, settings.shadow_from)


def check_channels(routes: Iterable[Route]) -> None:
    """Raise RoutesError for a route whose channel is not installed: its notifications would wait for ever."""
    installed = channel_names()
    for route in routes:
        where = f"{route.where or '?'}: route {route.name!r}"
        for channel in route.channels:
            if channel not in installed:
                known = ", ".join(installed) or "none"
                raise RoutesError(f"{where}: channel={channel!r}; installed are: {known}")
        if not route.fallback:
            continue
        types = {each: channel_class(each).request_type for each in route.channels}
        _check_mail([each for each in types if types[each] is Email], route, where)
        if not route.takes_channel:
            kinds = sorted({each.__name__ for each in types.values()})
            if len(kinds) > 1:
                raise RoutesError(
                    f"{where}: its channels send {' and '.join(kinds)}: give the function a parameter `channel`, and "
                    "return the message for that channel"
                )


def _check_mail(mail: Sequence[str], route: Route, where: str) -> None:
    """Raise RoutesError if another channel stands between two channels of mail. A mailbox that is suppressed on the
    first one would get a mail by the second: there it is not known why the delivery left the first one.
    """
    for before, after in pairwise(mail):
        if route.channels.index(after) != route.channels.index(before) + 1:
            raise RoutesError(f"{where}: {after} sends mail, as {before} does: name it right after {before}")


def _import(module: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last, so that a file of this folder does not replace a library of the same name
    try:
        return importlib.import_module(module)
    except RoutesError:
        raise
    except ImportError as error:
        if error.name and (namesake := hidden_namesake(error.name)):
            needs = "" if module == error.name else f" needs {error.name}"
            raise RoutesError(f"NOTIFIER_ROUTES={module}{needs}: {name_is_taken(error.name, namesake)}") from error
        if not isinstance(error, ModuleNotFoundError):
            raise _failed(module, error) from error
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise RoutesError(
                f"NOTIFIER_ROUTES={module}: there is no such module in {here} or on PYTHONPATH"
            ) from None
        raise RoutesError(f"NOTIFIER_ROUTES={module} needs {error.name}, which is not installed") from error
    except Exception as error:  # the user's code may raise anything: print one line instead of a traceback
        raise _failed(module, error) from error


def _failed(module: str, error: Exception) -> RoutesError:
    reason = f"{type(error).__name__}: {error}{_line_of(error)}"
    return RoutesError(f"NOTIFIER_ROUTES={module} failed on import: {reason}")


def _line_of(error: Exception) -> str:
    """Return ` (file:line)` of the user's code that raised. Empty for a SyntaxError, whose text has it already."""
    ours = str(Path(__file__).parents[1])
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith((ours, "<"))]
    frames = [each for each in frames if each.filename != importlib.__file__]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames and not isinstance(error, SyntaxError) else ""
