"""A mail from an inline template: a single one, or an entry of a bulk call."""

from typing import NamedTuple

from simulators.ses import limits
from simulators.ses.api.envelope import MailHead, RequestFields, envelope
from simulators.ses.api.template import MissingAttribute, Template, Values, template_data
from simulators.ses.attachments import attachments
from simulators.ses.errors import bad_request
from simulators.ses.fields import named_values, need
from simulators.ses.mail import Content, Headers, Mail, Tags
from simulators.shared.errors import ApiError
from simulators.shared.fields import Json, take


class InlineTemplate(NamedTuple):
    subject: Template
    text: Template | None
    html: Template | None
    headers: Headers
    defaults: Values
    attachments: tuple[str, ...]


def inline_template(part: Json, size: int) -> InlineTemplate:
    """Raise ApiError: NotFoundException for a stored template, as there are none. `size`: bytes of the request."""
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
        named_values(part, "Headers"),
        template_data(take(part, "TemplateData", str)),
        tuple(each.name for each in attachments(part)),
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
    head = MailHead(subject, headers, tags, templated=True, failure=failure)
    return Mail(envelope(shared, destination, head), Content(text, html, template.attachments))


def from_entry(shared: RequestFields, template: InlineTemplate, default_tags: Tags, entry: Json) -> Mail:
    """Return one entry of SendBulkEmail."""
    content = take(take(entry, "ReplacementEmailContent", dict) or {}, "ReplacementTemplate", dict) or {}
    values = template_data(take(content, "ReplacementTemplateData", str))
    if template.defaults:
        values = {**template.defaults, **values}
    # It is undocumented whether SES merges the two lists of tags, so code that relies on it must fail here.
    tags = named_values(entry, "ReplacementTags") or default_tags
    headers = _override(template.headers, named_values(entry, "ReplacementHeaders"))
    return from_template(shared, need(entry, "Destination", dict), template, values, headers, tags)


def _override(headers: Headers, replacements: Headers) -> Headers:
    if not replacements:
        return headers
    replaced = {name.lower() for name, _ in replacements}
    return tuple(pair for pair in headers if pair[0].lower() not in replaced) + replacements
