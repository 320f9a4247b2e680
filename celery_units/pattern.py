"""A value of JSON with an id and a tag in it, made once more for another id and another tag without decoding it."""

from collections.abc import Callable
from typing import Any

Fill = Callable[[str, str], Any]
"""Makes the value for that id and that tag. No two of its values share a list or a dict, which a task may change."""


def pattern(value: Any, id_: str, tag: str) -> Fill:
    """Return what makes such values. In `value`, `id_` stands alone or within other texts, and `tag` alone."""
    if isinstance(value, dict):
        return _container(value, list(value.items()), id_, tag)
    if isinstance(value, list):
        return _container(value, list(enumerate(value)), id_, tag)
    if value == tag:
        return lambda _, other: other
    if isinstance(value, str) and id_ in value:
        return _text(value, id_)
    return lambda *_: value


def _text(value: str, id_: str) -> Fill:
    parts = value.split(id_)
    return lambda other, _: other.join(parts)


def _container(value: Any, items: list[tuple[Any, Any]], id_: str, tag: str) -> Fill:
    """`items` are its values by key or place. Most need no call of Python: a quarter of the time of the others."""
    ids = [key for key, each in items if each == id_]
    tags = [key for key, each in items if each == tag]
    copies = [
        (key, each.copy) for key, each in items if isinstance(each, dict | list) and not _is_made(each, id_, tag)
    ]
    others = [(key, pattern(each, id_, tag)) for key, each in items if each != id_ and _is_made(each, id_, tag)]
    copy = value.copy

    def fill(other_id: str, other_tag: str) -> Any:
        made = copy()
        for key in ids:
            made[key] = other_id
        for key in tags:
            made[key] = other_tag
        for key, copy_of in copies:
            made[key] = copy_of()
        for key, make in others:
            made[key] = make(other_id, other_tag)
        return made

    return fill


def _is_made(value: Any, id_: str, tag: str) -> bool:
    """Return whether a copy does not make it: it has the id, the tag, a list or a dict in it."""
    if isinstance(value, str):
        return id_ in value and value != tag
    found = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(each == tag or isinstance(each, dict | list) or _is_made(each, id_, tag) for each in found)
