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
    if value == id_:
        return lambda other, _: other
    if value == tag:
        return lambda _, other: other
    if isinstance(value, str) and id_ in value:
        return lambda other, _: value.replace(id_, other)
    return lambda *_: value


def _container(value: Any, items: list[tuple[Any, Any]], id_: str, tag: str) -> Fill:
    ids = [key for key, each in items if each == id_]
    others = [(key, pattern(each, id_, tag)) for key, each in items if each != id_ and _is_new(each, id_, tag)]

    def fill(other_id: str, other_tag: str) -> Any:
        made = value.copy()
        for key in ids:
            made[key] = other_id
        for key, make in others:
            made[key] = make(other_id, other_tag)
        return made

    return fill


def _is_new(value: Any, id_: str, tag: str) -> bool:
    """Return whether each value of the pattern needs its own."""
    return isinstance(value, dict | list) or value == tag or (isinstance(value, str) and id_ in value)
