"""The mail of a SendEmail request: simple, raw or from a template."""

import base64
import binascii

from simulators.ses import limits
from simulators.ses.api import raw
from simulators.ses.api.envelope import MailHead, RequestFields, envelope, request_fields
from simulators.ses.api.inline import from_template, inline_template
from simulators.ses.attachments import attachments, check_message_size
from simulators.ses.errors import bad_request
from simulators.ses.fields import named_values, need
from simulators.ses.mail import Content, Mail, Tags
from simulators.shared.errors import not_serializable
from simulators.shared.fields import Json, take

_KINDS = ("Simple", "Raw", "Template")


def compose(request: Json, size: int) -> Mail:
    """Return the mail that the request describes. Raise ApiError if SES would refuse it. `size`: its bytes."""
    shared = request_fields(request, "SendEmail")
    content = need(request, "Content", dict)
    kinds = [kind for kind in _KINDS if content.get(kind) is not None]
    if len(kinds) != 1:
        raise bad_request(f"Content must be exactly one of {', '.join(_KINDS)}.")
    tags = named_values(request, "EmailTags")
    part = need(content, kinds[0], dict)
    if kinds[0] == "Raw":
        return _raw(shared, take(request, "Destination", dict), part, tags)
    destination = need(request, "Destination", dict)
    if kinds[0] == "Simple":
        return _simple(shared, destination, part, tags)
    template = inline_template(part, size)
    return from_template(shared, destination, template, template.defaults, template.headers, tags)


def _simple(shared: RequestFields, destination: Json, part: Json, tags: Tags) -> Mail:
    subject = need(need(part, "Subject", dict), "Data", str)
    body = need(part, "Body", dict)
    text, html = (_data(body, kind) for kind in ("Text", "Html"))
    if text is None and html is None:
        raise bad_request("Body needs Text or Html.")
    headers = named_values(part, "Headers")
    limits.check_headers(headers)
    files = attachments(part)
    check_message_size(len(text or "") + len(html or "") + sum(each.size for each in files))
    content = Content(text, html, tuple(each.name for each in files))
    return Mail(envelope(shared, destination, MailHead(subject, headers, tags)), content)


def _raw(shared: RequestFields, destination: Json | None, part: Json, tags: Tags) -> Mail:
    try:
        source = base64.b64decode(need(part, "Data", str), validate=True)
    except binascii.Error as error:
        raise not_serializable(f"Raw.Data is not base64: {error}") from error
    message = raw.parse(source)
    sender = shared.sender or message.sender
    limits.check_address(limits.bare(sender))
    shared = shared._replace(sender=sender, configuration_set=shared.configuration_set or message.configuration_set)
    head = MailHead(message.subject, message.headers, tags or message.tags)
    return Mail(envelope(shared, destination or message.destination, head), message.content)


def _data(body: Json, kind: str) -> str | None:
    part = take(body, kind, dict)
    return None if part is None else need(part, "Data", str)
