"""The clock that leases are measured on within a process."""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boottime() -> float:
    """Return the seconds since the machine started, those included in which it was suspended.

    `time.monotonic` stands still in a suspended virtual machine, while a lease on the database's clock goes on: an
    attempt would look younger than it is, and its request could leave after its end. Where the system has no such
    clock (macOS, whose monotonic clock has the same defect), this is `time.monotonic`.
    """
    return time.clock_gettime(_CLOCK)
