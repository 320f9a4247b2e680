"""Whatever stands in the address or the headers of a webhook or an SMS: one request as it was meant, or none."""

import re
from typing import Any
from uuid import UUID

from httpx import URL
from hypothesis import example, given
from hypothesis import strategies as st

from notifier.errors import TemplateError
from notifier.events import Event
from tests.bridge.stream.records import record
from tests.fuzz.records import nested, texts, values
from workers.channels.sms.phone_number import number_of
from workers.channels.webhook.request import endpoint, json_body, signed_headers

PIECES = ["https://", "http://", "HTTPS:", "//", "example.com", "bücher.example", "[::1]", "[", "]", "127.1", "@",
          ":", ":443", ":99999", ":-1", "/", "/a b", "\\", "?q=é", "#x", "%", "%00", "%zz", "..", ".", "xn--",
          "\r\n", "\0", "\ud800", "\u2028", "٣", "a" * 300, "a" * 70_000]  # fmt: skip
urls = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=7).map("".join)


@given(urls | urls.map(lambda rest: f"https://example.com{rest}") | st.none() | st.integers())
@example("https://example.com/\r\nHost: eve.example")
@example("https://\ud800.example/")
@example("https://example.com:443:443/")
@example("https://xn--/")
def test_any_address_is_one_url_or_refused(to: Any) -> None:
    try:
        url = endpoint(to, allow_http=True)
    except ValueError as error:
        refused = str(error)
    else:
        _check(url)
        return
    assert "example" not in refused, "a URL may hold a secret"


def _check(url: URL) -> None:
    assert re.fullmatch(r"https?://[!-~]+", str(url))
    assert url.raw_path.isascii()
    assert not re.search(rb"[\x00-\x20]", url.raw_path + url.raw_host)


@given(st.dictionaries(texts | st.sampled_from(["X-A", "X-A\r\n", "Host", "webhook-id"]), texts, max_size=2))
@example({"X-A": "1\r\nX-B: 2"})
@example({"X-A\r\nX-B": "1"})
@example({"webhook-ID": "1"})
@example({"X-A": "1\n"})
@example({"X-A\n": "1"})
def test_any_headers_are_those_or_refused(own: dict[str, str]) -> None:
    try:
        headers = signed_headers(UUID(int=7), b"{}", 0, [b"s" * 24], own)
    except ValueError:
        return
    assert own.keys() <= headers.keys()
    assert not re.search(r"[\r\n\0]", "".join([*headers, *headers.values()]))
    assert headers["webhook-id"] == str(UUID(int=7))


@given(values)
@example(nested(140))
@example({"S": "\ud800"})
@example({"L": [{"NS": ["1", "1E+125"]}, {"B": "AA=="}, {"BS": ["AA=="]}]})
def test_any_item_is_json_or_refused(value: Any) -> None:
    try:
        item = Event.from_record("activity", record(1, a=value)).new
    except Exception:  # noqa: BLE001  test_records has those
        return
    try:
        body = json_body(item)
    except TemplateError:
        return
    assert body.startswith(b"{")


@given(texts | st.from_regex(r"[+0-9 ()./-]{0,20}") | st.just("+٣٤٦٠٠٠٠٠٠٠٠"))
@example("+34600000000\n")
@example("+34600000000,+34600000001")
@example("arn:aws:sns:eu-west-1:1:topic")
def test_any_number_is_one_number_or_refused(to: str) -> None:
    try:
        number = number_of(to)
    except ValueError:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{1,14}", number)
