"""Messages that a session looks at, until their frames fetch them."""

import secrets
import threading
from collections import OrderedDict

_MOST = 8


class Frames:
    """HTML that is not ours, by a random key that only the session's pages know. The newest 8 are kept, in memory."""

    def __init__(self, most: int = _MOST) -> None:
        self._lock = threading.Lock()
        self._by_key: OrderedDict[str, str] = OrderedDict()
        self._most = most

    def put(self, html: str) -> str:
        """Keep the HTML and return its key."""
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._by_key[key] = html
            while len(self._by_key) > self._most:
                self._by_key.popitem(last=False)
        return key

    def get(self, key: str) -> str | None:
        """Return the HTML, None if it is not kept any more."""
        with self._lock:
            return self._by_key.get(key)
