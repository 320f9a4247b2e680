"""A mail from an inline template: alone, or as one entry of a bulk call."""

from typing import NamedTuple

from simulators.ses import limits
from simulators.ses.api.envelope import MailHead, RequestFields, attachments, envelope, pairs
from simulators.ses.api.template import MissingAttribute, Template, Values, template_data
from simulators.ses.errors import ApiError, bad_request
from simulators.ses.fields import Json, need, take
from simulators.ses.mail import Content, Headers, Mail, Tags


class InlineTemplate(NamedTuple):
    subject: Template
    text: Template | None
    html: Template | None
    headers: Headers
    defaults: Values
    attachments: tuple[str, ...]


def inline_template(part: Json, size: int) -> InlineTemplate:
    """`size` is the length of the whole request in bytes. A stored template is a NotFoundException: none is kept."""
    content = take(part, "TemplateContent", dict)
    if content is None:
        name = take(part, "TemplateName", str) or take(part, "TemplateArn", str)
        if not name:
            raise bad_request("Template needs TemplateName, TemplateArn or TemplateContent.")
        raise ApiError("NotFoundException", f"Template {name} does not exist.")
    limits.check_inline_request(size)
    text, html = take(content, "Text", str), take(content, "Html", str)
    if not (text or html):
        raise bad_request("TemplateContent needs Text or Html.")
    return InlineTemplate(
        Template(need(content, "Subject", str)),
        Template(text) if text else None,
        Template(html) if html else None,
        pairs(part, "Headers"),
        template_data(take(part, "TemplateData", str)),
        attachments(part),
    )


def from_template(
    shared: RequestFields, destination: Json, template: InlineTemplate, values: Values, headers: Headers, tags: Tags
) -> Mail:
    limits.check_headers(headers)
    failure = text = html = None
    subject = ""
    try:
        subject = template.subject.fill(values)
        text = template.text.fill(values) if template.text else None
        html = template.html.fill(values) if template.html else None
    except MissingAttribute as error:
        failure = str(error)
    title = MailHead(subject, headers, tags, templated=True, failure=failure)
    return Mail(envelope(shared, destination, title), Content(text, html, template.attachments))


def from_entry(shared: RequestFields, template: InlineTemplate, default_tags: Tags, entry: Json) -> Mail:
    """One entry of SendBulkEmail."""
    content = take(take(entry, "ReplacementEmailContent", dict) or {}, "ReplacementTemplate", dict) or {}
    values = template_data(take(content, "ReplacementTemplateData", str))
    if template.defaults:
        values = {**template.defaults, **values}
    # Whether SES merges the two lists of tags is undocumented: what relies on it must fail here.
    tags = pairs(entry, "ReplacementTags") or default_tags
    headers = _override(template.headers, pairs(entry, "ReplacementHeaders"))
    return from_template(shared, need(entry, "Destination", dict), template, values, headers, tags)


def _override(headers: Headers, replacements: Headers) -> Headers:
    if not replacements:
        return headers
    replaced = {name.lower() for name, _ in replacements}
    return tuple(pair for pair in headers if pair[0].lower() not in replaced) + replacements
