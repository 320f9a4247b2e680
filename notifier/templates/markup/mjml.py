"""MJML compiled to HTML, once for each template. Needs the package `mrml`."""

import re
from collections.abc import Callable
from posixpath import dirname, join, normpath

from notifier.errors import TemplateError
from notifier.templates.markup.jinja_tags import JinjaTags, numbers_in

_INCLUDE = re.compile(r"<mj-include\s+path=([\"'])(.+?)\1\s*(?:/>|>\s*</mj-include\s*>)")
_COMPONENT = re.compile(r"<(mj-[\w-]+)")
_DEEPEST = 10


def compiled_mjml(path: str, read: Callable[[str], str]) -> str:
    """Return the HTML of an MJML file, with Jinja's tags as they are. `read` returns the text of a file.

    `<mj-include path="../header.mjml" />` inserts a file, named from the folder of the one that includes it. Raise
    TemplateError for broken MJML, and if a tag of Jinja would be lost or moved.
    """
    tags = JinjaTags(_included(path, read, 0))
    try:
        import mrml  # an optional dependency
    except ImportError:
        raise TemplateError(f"{path} needs the package mrml: pip install 'dynamodb-notifier[templates]'") from None
    try:
        html: str = mrml.to_html(tags.safe).content
    except (OSError, ValueError) as error:
        raise TemplateError(f"{path} is no MJML that can be read: {error}") from None
    _check(path, tags, html)
    return tags.restored(html)


def _included(path: str, read: Callable[[str], str], depth: int) -> str:
    if depth > _DEEPEST:
        raise TemplateError(f"{path} is included by itself, or more than {_DEEPEST} files deep")

    def inserted(found: re.Match[str]) -> str:
        other = normpath(join(dirname(path), found[2]))
        if other.startswith(("../", "/")):
            raise TemplateError(f"{path} includes {found[2]}, which is outside of the folder of templates")
        return _included(other, read, depth + 1)

    return _INCLUDE.sub(inserted, read(path))


def _check(path: str, tags: JinjaTags, html: str) -> None:
    if "<mjml" not in tags.safe:
        raise TemplateError(f"{path} has no <mjml>: it is a part of a mail, and must be a whole document")
    found = numbers_in(html)
    blocks = [number for number in range(len(tags)) if tags.is_block(number)]
    if [number for number in found if tags.is_block(number)] != blocks or len(set(found)) != len(tags):
        raise TemplateError(
            f"{path}: MJML would lose or move a tag of Jinja; write it in a text or between components"
        )
    if unknown := _COMPONENT.search(html):
        raise TemplateError(f"{path}: MJML knows no <{unknown[1]}>, or not in this place")
