"""Recipients whose mails the server refuses as if it took no mail at all, while it takes those to others."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST = 1_000


class RefusedRecipients:
    """What this process has seen. Thread-safe; it remembers the latest thousand refusals."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accepted = -math.inf  # when the latest mail that was accepted had begun
        self._refused: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def accepted(self, recipients: tuple[str, ...], began: float) -> None:
        """Note that a mail to these was accepted. `began` is when it began, by the clock."""
        with self._lock:
            self._accepted = max(self._accepted, began)
            self._refused.pop(recipients, None)

    def alone(self, recipients: tuple[str, ...]) -> bool:
        """Note that a mail to these was refused. Return whether one was before, and another mail accepted since."""
        with self._lock:
            before = self._refused.pop(recipients, math.inf)
            self._refused[recipients] = self._clock()
            if len(self._refused) > _MOST:
                self._refused.popitem(last=False)
        return before < self._accepted
