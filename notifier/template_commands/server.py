"""A web server on this machine that shows the pages of the templates, rendered again for each visit."""

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from notifier.errors import NotifierError, UsageError
from notifier.template_commands.pages import INDEX

_HOST = "127.0.0.1"
_NAMES = frozenset((_HOST, "localhost"))
_OF_MAILS = (
    "sandbox; default-src 'none'; img-src https: data: cid:; style-src 'unsafe-inline' https:; font-src https:"
)
_OWN = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'"


class PreviewServer(ThreadingHTTPServer):
    """Serves what `pages` returns, by its paths. It is read when the first page is asked for, and again each time.

    Port 0 is any free one. Raise UsageError if the port cannot be opened.
    """

    daemon_threads = True

    def __init__(self, port: int, pages: Callable[[], dict[str, str]]) -> None:
        self.pages = pages
        self.kept: dict[str, str] = {}
        try:
            super().__init__((_HOST, port), _Answering)
        except OSError as error:
            raise UsageError(f"port {port} cannot be opened: {error}; choose another one with --port") from None

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.server_port}/"


class _Answering(BaseHTTPRequestHandler):
    server: PreviewServer

    def do_GET(self) -> None:
        # Another site's page, whose name was made to point here, must not read the templates.
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in _NAMES:
            self._answer(HTTPStatus.FORBIDDEN, "Only for browsers on this machine.", "text/plain")
            return
        path = unquote(urlsplit(self.path).path).removeprefix("/") or INDEX
        try:
            if path == INDEX:
                self.server.kept = self.server.pages()
        except NotifierError as error:
            self._answer(HTTPStatus.OK, str(error), "text/plain")
            return
        text = self.server.kept.get(path)
        if text is None:
            self._answer(HTTPStatus.NOT_FOUND, "There is no such page.", "text/plain")
        else:
            kind = "text/html" if path.endswith(".html") else "text/plain"
            self._answer(HTTPStatus.OK, text, kind, _OWN if path == INDEX else _OF_MAILS)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the signature of http.server
        """Print nothing for a request."""

    def _answer(self, status: HTTPStatus, text: str, kind: str, policy: str = "default-src 'none'") -> None:
        data = text.encode("utf-8", "replace")
        self.send_response(status)
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(data)),
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
