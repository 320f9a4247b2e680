"""Templates, and the static files under addresses with a hash.

A template escapes every value. A static file's address changes with its content, so that browsers keep it for a year.
"""

import hashlib
import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from notifier.text import masked

if TYPE_CHECKING:
    from web.console.page import Page

_FOLDER = Path(__file__).parent
_WITH_DECIMAL = 10
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class StaticFile:
    name: str
    content: bytes
    type: str
    digest: str

    @property
    def url(self) -> str:
        return f"/static/{self.digest}/{self.name}"


class StaticFiles:
    """The files of a folder, read once."""

    def __init__(self, folder: Path = _FOLDER / "static") -> None:
        self._files = {path.name: _read(path) for path in folder.iterdir() if path.is_file()}

    def url(self, name: str) -> str:
        """Return the address of a file. Raise KeyError if there is none of that name."""
        return self._files[name].url

    async def serve(self, request: Request) -> Response:
        file = self._files.get(request.path_params["name"])
        if file is None or file.digest != request.path_params["digest"]:
            return PlainTextResponse("no such file", 404)
        keep = {"Cache-Control": f"public, max-age={_YEAR}, immutable"}
        return Response(file.content, media_type=file.type, headers=keep)


class Rendering:
    """Renders the templates. `pages` are in the navigation."""

    def __init__(self, pages: Iterable["Page"], static: StaticFiles, **shared: Any) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(masked=masked, number=number, instant=instant, seconds=seconds, coded=coded)
        navigation = [page for page in pages if page.order]
        self._environment.globals.update(static=static.url, navigation=navigation, **shared)

    def render(self, template: str, values: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(values)


def number(value: float) -> str:
    """Return a number with commas, as 12,345; below 10 with one decimal, unless it is whole."""
    return f"{value:,.1f}" if value < _WITH_DECIMAL and value != int(value) else f"{value:,.0f}"


def counted(count: int, one: str, more: str) -> str:
    """Return a number with its noun, as `1 delivery` or `2,000 deliveries`."""
    return f"{count:,} {one if count == 1 else more}"


def coded(text: str) -> Markup:
    """Return the text escaped, with what stands between backquotes as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
    )


def instant(value: datetime | None, *, milliseconds: bool = False) -> str:
    """Return a time in UTC, as 2026-01-31 12:00:00; empty for None."""
    if value is None:
        return ""
    text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{value.microsecond // 1000:03}" if milliseconds else text


def seconds(value: float | None) -> str:
    """Return a duration in words: 8 s, 3 min, 2.5 h, 4 days; empty for None."""
    if value is None:
        return ""
    for unit, size, below, digits in (("s", 1, 100, 0), ("min", 60, 90 * 60, 0), ("h", 3600, 48 * 3600, 1)):
        if value < below:
            return f"{value / size:.{digits}f} {unit}"
    return f"{value / 86_400:.0f} days"


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    digest = hashlib.sha256(content).hexdigest()[:16]
    return StaticFile(path.name, content, kind, digest)
