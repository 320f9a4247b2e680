"""The templates as documents of JSON values: their parts, what is probably wrong, and one of them rendered."""

from typing import Any, TypedDict

from notifier.channels import channel_names
from notifier.errors import NotifierError, UsageError
from notifier.preview.event import values_of
from notifier.preview.message import Built, failure_of
from notifier.sms import segments_of
from notifier.templates import Templates
from notifier.templates.checks import SAMPLES
from notifier.templates.files import EMAIL_PARTS
from notifier.unsubscribe import SAMPLE_URL, URL_VALUE

_MOST_SAMPLE_BYTES = 256 * 1024


class TemplateFacts(TypedDict):
    """A template. `parts` are its files without the language, each with the languages it is written in."""

    name: str
    parts: dict[str, list[str]]
    locales: list[str]
    sample: str


class Overview(TypedDict):
    """All templates. `error` is what keeps one of them from being used, `remarks` probable mistakes."""

    templates: list[TemplateFacts]
    error: str
    remarks: list[str]


def overview_of(templates: Templates) -> Overview:
    """Return all templates that are a message, and what is wrong with them."""
    channels = channel_names()
    error, remarks = "", list[str]()
    try:
        templates.check()
        remarks = templates.remarks(channels)
    except NotifierError as broken:
        error = str(broken)
    facts = [_facts(templates, name, parts) for name, parts in templates.parts(channels).items()]
    return {"templates": facts, "error": error, "remarks": remarks}


def rendered(templates: Templates, name: str, context: str, locale: str | None) -> list[Built]:
    """Return the messages of a template with the values in `context`, which is JSON: one for each channel."""
    try:
        parts = templates.parts(channel_names()).get(name)
        if parts is None:
            raise UsageError(f"there is no template {name}")
        values = {URL_VALUE: SAMPLE_URL, **values_of(context or "{}")}
    except NotifierError as error:
        return [failure_of(error)]
    messages = [_email(templates, name, values, locale)] if EMAIL_PARTS.intersection(parts) else []
    others = [part for part in parts if part not in EMAIL_PARTS]
    return [*messages, *(_text(templates, name, part, values, locale) for part in others)]


def _facts(templates: Templates, name: str, parts: dict[str, list[str]]) -> TemplateFacts:
    written = {each for found in parts.values() for each in found if each}
    locales = sorted(written.union(templates.catalogue_locales))
    return {"name": name, "parts": parts, "locales": locales, "sample": _sample(templates, name)}


def _sample(templates: Templates, name: str) -> str:
    """Return the text of `samples/NAME.json` in the folder of templates; empty if there is none."""
    path = templates.folder / f"{SAMPLES}{name}.json"
    if not path.resolve().is_relative_to(templates.folder.resolve()):
        return ""
    try:
        return path.read_text("utf-8") if path.stat().st_size <= _MOST_SAMPLE_BYTES else ""
    except (OSError, ValueError):
        return ""


def _email(templates: Templates, name: str, values: dict[str, Any], locale: str | None) -> Built:
    try:
        content = templates.render(name, values, locale)
    except NotifierError as error:
        return failure_of(error)
    return {"kind": "email", "subject": content.subject, "text": content.text, "html": content.html}


def _text(templates: Templates, name: str, part: str, values: dict[str, Any], locale: str | None) -> Built:
    try:
        text = templates.text(name, part, values, locale)
    except NotifierError as error:
        return failure_of(error)
    if part == "sms.txt":
        return {"kind": "sms", "text": text.strip(), "segments": [*segments_of(text.strip())]}
    return {"kind": "other", "text": text, "more": {"part": part}}
