"""Requests and answers of the SNS API, whose answers are XML."""

import uuid
from collections.abc import Mapping
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from simulators.http.messages import Request
from simulators.http.replies import Response

_NAMESPACE = "http://sns.amazonaws.com/doc/2010-03-31/"

Asked = Mapping[str, str]
"""The parameters of a request by name; `Action` is the operation."""


def asked(request: Request) -> Asked:
    """Return the parameters of a request."""
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def answer(action: str, result: str) -> Response:
    """Return the answer to an action; `result` is XML."""
    metadata = f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
    body = f"<{action}Result>{result}</{action}Result>{metadata}"
    return _response(200, f'<{action}Response xmlns="{_NAMESPACE}">{body}</{action}Response>')


def error(code: str, message: str, status: int = 400) -> Response:
    found = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return _response(status, f'<ErrorResponse xmlns="{_NAMESPACE}">{found}</ErrorResponse>')


def entries(values: Mapping[str, str]) -> str:
    """Return XML of a map, as the attributes of a topic."""
    pairs = (f"<key>{escape(name)}</key><value>{escape(value)}</value>" for name, value in values.items())
    return f"<Attributes>{''.join(f'<entry>{pair}</entry>' for pair in pairs)}</Attributes>"


def _response(status: int, xml: str) -> Response:
    return Response(status, xml.encode(), "text/xml")
