"""`notifier` under libfaketime, which refuses the deadlines that Python's `time.sleep` gives to the kernel."""

import select
import time

from notifier.cli import main


def sleep(seconds: float) -> None:
    select.select([], [], [], max(0.0, seconds))


if __name__ == "__main__":
    time.sleep = sleep
    main()
