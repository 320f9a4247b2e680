"""Which attributes the patterns of routes read that the records of a stream do not carry. Pure.

The view type (StreamViewType) is fixed when a stream is switched on: KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or
NEW_AND_OLD_IMAGES. A record always carries the keys of its item.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

NEW_AND_OLD_IMAGES = "NEW_AND_OLD_IMAGES"
_WITH_NEW = frozenset(("NEW_IMAGE", NEW_AND_OLD_IMAGES))
_WITH_OLD = frozenset(("OLD_IMAGE", NEW_AND_OLD_IMAGES))


@dataclass(frozen=True, slots=True)
class View:
    """What the records of a stream carry. `keys` are the key attributes of its table."""

    arn: str
    type: str
    keys: frozenset[str]


class Reading(Protocol):
    """A route, as far as it is needed here. `reads` and `reads_old` are the attributes that its patterns read."""

    @property
    def name(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def on(self) -> frozenset[str]: ...
    @property
    def reads(self) -> frozenset[str]: ...
    @property
    def reads_old(self) -> frozenset[str]: ...


def attributes_read(pattern: Mapping[str, Any]) -> frozenset[str]:
    """Return the attributes of the item that a pattern reads, also within `$or`."""
    found: set[str] = set()
    for name, conditions in pattern.items():
        if name == "$or":
            found.update(*(attributes_read(each) for each in conditions))
        else:
            found.add(name)
    return frozenset(found)


def missing(route: Reading, event: str, *, new: bool, old: bool, keys: Collection[str]) -> frozenset[str]:
    """Return the attributes that the route's patterns read and that a record does not carry.

    `event` is INSERT, MODIFY or REMOVE; `new` and `old` tell which images the record has. The old image of an INSERT
    is not missing: there was no item.
    """
    found = frozenset() if new or old else route.reads.difference(keys)
    if event != "INSERT" and not old:
        found |= route.reads_old.difference(keys)
    return found


def images(view_type: str, event: str) -> tuple[bool, bool]:
    """Return whether records of that view type carry the item after and the item before the change."""
    return event != "REMOVE" and view_type in _WITH_NEW, event != "INSERT" and view_type in _WITH_OLD


def unreadable(routes: Iterable[Reading], table: str, view: View) -> list[str]:
    """Return one line for each route that reads attributes which the stream leaves out. REMEDY says what to do."""
    found = []
    for route in routes:
        for event in sorted(route.on) if route.table == table else ():
            new, old = images(view.type, event)
            if lacking := missing(route, event, new=new, old=old, keys=view.keys):
                names = ", ".join(sorted(lacking))
                found.append(
                    f"{route.where}: route {route.name!r} matches on {names}, which a record of {event} does not "
                    f"carry: the stream of the table {table!r} has the view type {view.type}"
                )
    return found


def without_item(routes: Iterable[Reading], table: str, view: View) -> list[str]:
    """Return the names of the routes whose events can have neither `new` nor `old`."""
    return [
        route.name
        for route in routes
        if route.table == table and any(not any(images(view.type, event)) for event in route.on)
    ]


REMEDY = (
    "switch the stream off and on again with StreamViewType NEW_AND_OLD_IMAGES, match on the table's keys only, or "
    "take that event out of on="
)
