"""The account's suppression list, in memory."""

import time
from dataclasses import dataclass
from typing import Any

from simulators.ses.errors import bad_request
from simulators.ses.limits import check_address
from simulators.shared.errors import ApiError

REASONS = ("BOUNCE", "COMPLAINT")


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An entry of the list: an address, why it was added, and when."""

    address: str
    reason: str
    since: float

    def as_json(self) -> dict[str, Any]:
        return {"EmailAddress": self.address, "Reason": self.reason, "LastUpdateTime": self.since}


class SuppressionList:
    """The suppressed addresses, in the order in which they were added. Their case does not matter."""

    def __init__(self) -> None:
        self._by_address: dict[str, Suppressed] = {}

    def __contains__(self, address: object) -> bool:
        return address in self._by_address

    def put(self, address: str, reason: str) -> None:
        check_address(address)
        if reason not in REASONS:
            raise bad_request(f"Reason must be one of {', '.join(REASONS)}")
        self._by_address[address.lower()] = Suppressed(address, reason, time.time())

    def get(self, address: str) -> Suppressed:
        try:
            return self._by_address[address.lower()]
        except KeyError:
            raise _absent(address) from None

    def delete(self, address: str) -> None:
        if self._by_address.pop(address.lower(), None) is None:
            raise _absent(address)

    def page(self, reasons: list[str], start: int, size: int) -> tuple[list[Suppressed], int | None]:
        """Return up to `size` entries from place `start`, and the place of the next page; None if there is none."""
        found = [entry for entry in self._by_address.values() if not reasons or entry.reason in reasons]
        end = start + size
        return found[start:end], end if end < len(found) else None

    def clear(self) -> None:
        self._by_address.clear()


def _absent(address: str) -> ApiError:
    return ApiError("NotFoundException", f"Email address {address} does not exist on your suppression list.")
