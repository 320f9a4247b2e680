"""A server in a thread of this process."""

import socketserver
import threading
from types import TracebackType
from typing import Self


class Serving:
    """Serves for as long as a `with` block lasts. A subclass sets `_server`. What hangs ends once `over` is set."""

    _server: socketserver.BaseServer

    def __init__(self) -> None:
        self.over = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
