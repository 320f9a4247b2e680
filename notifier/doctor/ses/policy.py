"""Which services a policy of a topic or a queue lets in. Pure. It knows as much of IAM as such policies use."""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

_ARN = frozenset(("arnequals", "arnlike", "stringequals", "stringlike"))


def lets_in(policy: str, service: str, action: str, source: str = "") -> bool:
    """Return whether a statement allows the `action` to a service, such as `sns.amazonaws.com`.

    `source` is the ARN in whose name the service asks: a condition on `aws:SourceArn` must allow it. Other conditions
    are taken for met. A statement that denies is not looked at.
    """
    return any(
        _is_open(statement) or service in _listed(_principal(statement).get("Service"))
        for statement in _allowing(policy, action)
        if not source or _takes(statement, source)
    )


def open_to_all(policy: str, action: str) -> bool:
    """Return whether a statement allows the `action` to everybody, without any condition."""
    return any(_is_open(statement) and not statement.get("Condition") for statement in _allowing(policy, action))


def _allowing(policy: str, action: str) -> Iterator[Mapping[str, Any]]:
    try:
        read = json.loads(policy or "{}")
    except ValueError:
        return
    statements = read.get("Statement", ()) if isinstance(read, dict) else ()
    for statement in [statements] if isinstance(statements, dict) else statements:
        patterns = [each.lower() for each in _listed(statement.get("Action"))]
        if statement.get("Effect") == "Allow" and any(fnmatchcase(action.lower(), each) for each in patterns):
            yield statement


def _principal(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    found = statement.get("Principal", {})
    return found if isinstance(found, dict) else {"AWS": found}


def _is_open(statement: Mapping[str, Any]) -> bool:
    return "*" in _listed(_principal(statement).get("AWS"))


def _takes(statement: Mapping[str, Any], source: str) -> bool:
    """Return whether the conditions on the source's ARN, if there are any, allow this one."""
    for operator, values in statement.get("Condition", {}).items():
        if operator.lower().removesuffix("ifexists") in _ARN:
            for key, patterns in values.items():
                if key.lower() == "aws:sourcearn" and not any(fnmatchcase(source, p) for p in _listed(patterns)):
                    return False
    return True


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []
