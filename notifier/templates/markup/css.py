"""Rules of CSS written into the elements of a template, once for each file. Needs the package `css-inline`."""

import re

from notifier.errors import TemplateError
from notifier.templates.markup.jinja_tags import JinjaTags

STYLES = "inline.css"
"""The file in the folder of templates whose rules are written into the elements of all its HTML."""
_DOCUMENT = re.compile(r"<html\b", re.IGNORECASE)
_SHAPE = re.compile(r"<!--jinjatag\d+x-->|jinjatag\d+x|<([a-z][\w-]*)", re.IGNORECASE)
_IMPLIED = frozenset(("<html", "<head", "<body", "<tbody"))


def inlined(path: str, html: str, css: str) -> str | None:
    """Return the HTML of a template with the rules in `style` attributes, and Jinja's tags as they are.

    None if that would change the structure: an HTML parser moves what may not stand where it stands, a row outside
    of a table for instance. Rules of `@media` and of states such as `:hover` are left out. Raise TemplateError if the
    package is missing or the rules cannot be read.
    """
    try:
        from css_inline import CSSInliner, InlineError  # an optional dependency
    except ImportError:
        raise TemplateError(f"{STYLES} needs css-inline: pip install 'dynamodb-notifier[templates]'") from None
    tags = JinjaTags(html)
    inliner = CSSInliner(
        inline_style_tags=False,
        keep_style_tags=True,
        keep_link_tags=True,
        load_remote_stylesheets=False,
        extra_css=css,
    )
    try:
        whole = _DOCUMENT.search(tags.safe)
        made = inliner.inline(tags.safe) if whole else inliner.inline_fragment(tags.safe, css)
    except InlineError as error:
        raise TemplateError(f"{STYLES} cannot be written into {path}: {error}") from None
    return tags.restored(made) if _shape(made) == _shape(tags.safe) else None


def _shape(html: str) -> list[str]:
    """Return the elements and Jinja's tags in their order, but for elements that a parser adds."""
    return [found for each in _SHAPE.finditer(html) if (found := each[0].lower()) not in _IMPLIED]
