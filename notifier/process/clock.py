"""The clock by which a process measures its leases."""

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boottime() -> float:
    """Return the seconds since the machine started, those included in which it was suspended.

    `time.monotonic` stops while a virtual machine is suspended, but a lease goes on, as the database's clock does: an
    attempt would seem younger than it is, and its request could be sent after the end of its lease. On a system
    without such a clock (macOS, whose monotonic clock has the same defect) this is `time.monotonic`.
    """
    return time.clock_gettime(_CLOCK)
