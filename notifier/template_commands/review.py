"""What is wrong or doubtful in a folder of templates, found by rendering each with its sample values."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from notifier.preview.message import Built
from notifier.preview.templating import Overview, TemplateFacts, overview_of, rendered
from notifier.templates import Templates
from notifier.templates.checks import SAMPLES

LONGEST_SUBJECT = 70
"""Characters of a subject that inboxes on a computer show; phones show about half."""
LARGEST_HTML = 100_000
"""Bytes of HTML after which Gmail cuts a mail off (102 KB)."""
_HTTP = re.compile(r"http://[^\s\"'<>]+", re.IGNORECASE)
_LINK = re.compile(r"\bhref\s*=\s*[\"']?(http://[^\s\"'<>]*)", re.IGNORECASE)
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"\balt\s*=", re.IGNORECASE)
_SOURCE = re.compile(r"\bsrc\s*=\s*[\"']?([^\s\"'>]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Remark:
    """`wrong`: a mail cannot be rendered; otherwise it can, but probably not as it should be. One line."""

    template: str
    locale: str
    wrong: bool
    what: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def review(templates: Templates) -> list[Remark]:
    """Return everything that is wrong or doubtful, by template."""
    overview = overview_of(templates)
    found = list(_of_folder(overview))
    everywhere = {locale for each in overview["templates"] for locale in each["locales"]}
    for facts in overview["templates"]:
        found += _of_template(templates, facts, everywhere)
    return found


def _of_folder(overview: Overview) -> Iterator[Remark]:
    if overview["error"]:
        yield Remark("", "", wrong=True, what=overview["error"])
    for each in overview["remarks"]:
        yield Remark("", "", wrong=False, what=each)


def _of_template(templates: Templates, facts: TemplateFacts, everywhere: set[str]) -> Iterator[Remark]:
    name = facts["name"]
    for locale in sorted(everywhere.difference(facts["locales"])):
        if not any(each.startswith(f"{locale}-") or locale.startswith(f"{each}-") for each in facts["locales"]):
            yield Remark(
                name, locale, wrong=False, what=f"it has no translation {locale}, which other templates have"
            )
    if not facts["sample"]:
        what = f"it has no {SAMPLES}{name}.json: without sample values it cannot be rendered here"
        yield Remark(name, "", wrong=False, what=what)
        return
    for locale in ("", *facts["locales"]):
        for message in rendered(templates, name, facts["sample"], locale or None):
            for wrong, what in _of_message(message):
                yield Remark(name, locale, wrong, what)


def _of_message(message: Built) -> Iterator[tuple[bool, str]]:
    if message["kind"] == "error":
        yield True, message["error"]
        return
    html = message.get("html") or ""
    if (length := len(message.get("subject", ""))) > LONGEST_SUBJECT:
        yield False, f"the subject has {length} characters: inboxes cut it off after about {LONGEST_SUBJECT}"
    if message["kind"] == "email" and not message["subject"]:
        yield False, "the subject is empty"
    for address in sorted({*_LINK.findall(html), *_HTTP.findall(message["text"])}):
        yield False, f"the link {address} is not https"
    for image in _IMAGE.findall(html):
        if not _ALT.search(image):
            source = _SOURCE.search(image)
            yield (
                False,
                f'the image {source[1] if source else ""} has no alt: say what it shows, or alt="" if nothing',
            )
    if (size := len(html.encode())) > LARGEST_HTML:
        yield False, f"the HTML has {size:,} bytes: Gmail cuts off what is longer than {LARGEST_HTML:,}"
