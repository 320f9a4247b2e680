"""Messages of a foreign program that look like a task's until Celery reads a field that is of another kind."""

from typing import Any

ERRORS = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What such a field raises. No error of the broker is among them: a KeyError, which kombu counts as one of Redis,
comes from a field that is missing.
"""


def fault_of(request: Any) -> str | None:
    """Why Celery's pool cannot run a request, and would not tell its message's end. None if it can."""
    match request.time_limits:
        case [float() | int() | None, float() | int() | None]:
            pass
        case _:
            return "the time limits are no two numbers"
    if not isinstance(request.name, str):
        return "the name is no text"
    if not are_texts(request.stamped_headers):
        return "the names of the stamps are no texts"
    match request._payload:  # noqa: SLF001
        case [list() | tuple(), dict(), dict() | None as after]:
            return None if _is_sound(after or {}) else "what comes after the call is no list of calls"
        case _:
            return "the body is no call with arguments"


def are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_sound(after: dict[str, Any]) -> bool:
    """Whether the callbacks, the chain and the chord are what Celery sends."""
    calls = [each for name in ("callbacks", "errbacks", "chain") for each in _listed(after.get(name))]
    return all(isinstance(each, dict) for each in [*calls, after.get("chord") or {}])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []
