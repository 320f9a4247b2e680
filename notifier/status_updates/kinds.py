"""The statuses of which there are updates, and how a delivery's row keeps which of them are wanted. Pure."""

from collections.abc import Iterable

UPDATES: tuple[str, ...] = (
    "sent",
    "delivered",
    "bounced",
    "complained",
    "unknown",
    "held",
    "failed",
    "skipped",
    "suppressed",
    "expired",
    "cancelled",
)
"""The statuses of which there are updates, and `held`: an outcome is unknown, and an operator must resolve it.

Left out are `pending` and `sending`, which each attempt has; `shadowed`, because the older system sends the message;
and `merged`, because there are updates of the leader. The index of a name is its bit in `deliveries.wanted_updates`.
Stored rows depend on it, so a new name has to be the last one.
"""

ALL = "all"
_BITS = {name: 1 << place for place, name in enumerate(UPDATES)}


def wanted_of(names: Iterable[str]) -> int:
    """Return the bits of these names, 0 for none. `all` stands for all. Raise ValueError for an unknown one."""
    wanted = 0
    for name in names:
        if name == ALL:
            return (1 << len(UPDATES)) - 1
        if name in ("pending", "sending"):
            raise ValueError(f"there are no updates of {name!r}: every attempt has it. There are {_listed()}")
        if name not in _BITS:
            raise ValueError(f"{name!r} is not a status of which there are updates: these are {_listed()}")
        wanted |= _BITS[name]
    return wanted


def names_of(wanted: int) -> list[str]:
    """Return the names of these bits."""
    return [name for name, bit in _BITS.items() if wanted & bit]


def _listed() -> str:
    return ", ".join((*UPDATES, ALL))
