"""The simulator refuses what SES refuses, and accepts no part of it."""

import json
from base64 import b64encode
from urllib.error import HTTPError

import pytest

from tests.simulators.ses.simulator import bulk, entry, simple, tags

HEADER = {"Name": "X-A", "Value": "a"}


def content(**more) -> dict:
    return {"Content": {"Simple": simple()["Content"]["Simple"] | more}}


def file(name: str = "a.pdf", **more) -> dict:
    return content(Attachments=[{"FileName": name, "RawContent": b"%PDF"} | more])


def to(*addresses: str) -> dict:
    return {"Destination": {"ToAddresses": list(addresses)}}


def inline(data: str, text: str = "{{a}}") -> dict:
    template = {"TemplateContent": {"Subject": "s", "Text": text}, "TemplateData": data}
    return {"Content": {"Template": template}}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"FromEmailAddress": None}, id="no sender"),
        pytest.param({"FromEmailAddress": "no-at-sign"}, id="sender without @"),
        pytest.param({"Content": {}}, id="no content"),
        pytest.param({"Content": simple()["Content"] | inline("{}")["Content"]}, id="two contents"),
        pytest.param({"Content": {"Simple": {"Body": {"Text": {"Data": "x"}}}}}, id="no subject"),
        pytest.param(content(Body={}), id="no body"),
        pytest.param({"Destination": {}}, id="no recipient"),
        pytest.param(to("ann"), id="recipient without @"),
        pytest.param(to("ann smith@example.com"), id="blank in the address"),
        pytest.param(to("änn@example.com"), id="local part is not ASCII"),
        pytest.param(to(*(f"a{number}@example.com" for number in range(51))), id="51 recipients"),
        pytest.param(to("taro.@docomo.example"), id="a dot before the @"),
        pytest.param(to(".taro@docomo.example"), id="a dot first"),
        pytest.param(to("ta..ro@docomo.example"), id="two dots"),
        pytest.param(to("Taro <taro.@docomo.example>"), id="a dot before the @, with a name"),
        pytest.param(to(f"{'a' * 65}@example.com"), id="long local part"),
        pytest.param(to("a,b@example.com"), id="a comma in the address"),
        pytest.param(to("ann@example..com"), id="two dots in the domain"),
        pytest.param(to("ann@example.com."), id="a dot after the domain"),
        pytest.param(to("ann@exam_ple.com"), id="underscore in the domain"),
        pytest.param(to("ann@"), id="no domain"),
        pytest.param(to("@example.com"), id="no local part"),
        pytest.param(to("Doe, J <j@example.com>"), id="a comma in a name without quotes"),
        pytest.param(to("matt <3 <m@example.com>"), id="a bracket in a name without quotes"),
        pytest.param(to(f"{'a' * 305} <a@example.com>"), id="321 bytes with the name"),
        pytest.param({"FromEmailAddress": f"{'=?utf-8?q?a?= ' * 24}<a@example.com>"}, id="a sender of 321 bytes"),
        pytest.param({"ReplyToAddresses": [f"{'a' * 305} <a@example.com>"]}, id="321 bytes to reply to"),
        pytest.param(content(Subject={"Data": "a\nb"}), id="line break in the subject"),
        pytest.param(content(Subject={"Data": "O\x92Brien"}), id="control character in the subject"),
        pytest.param({"EmailTags": tags(nid="a:b")}, id="colon in a tag"),
        pytest.param({"EmailTags": tags(**{"a.b": "c"})}, id="dot in a tag's name"),
        pytest.param({"EmailTags": tags(nid="")}, id="empty tag"),
        pytest.param({"EmailTags": tags(nid="a" * 257)}, id="long tag"),
        pytest.param(content(Headers=[HEADER] * 16), id="16 headers"),
        pytest.param(content(Headers=[HEADER | {"Name": "a" * 127}]), id="long header name"),
        pytest.param(content(Headers=[HEADER | {"Name": "a:b"}]), id="colon in a header name"),
        pytest.param(content(Headers=[HEADER | {"Value": "a" * 996}]), id="long header value"),
        pytest.param(content(Headers=[{"Name": "ab", "Value": "a" * 995}]), id="long header"),
        pytest.param(content(Headers=[HEADER | {"Value": "a\nb"}]), id="line break in a header"),
        pytest.param(file("setup.exe"), id="a program attached"),
        pytest.param(file("a" * 256), id="long file name"),
        pytest.param(file(ContentDisposition="inline"), id="unknown disposition"),
        pytest.param(file(ContentTransferEncoding="8BIT"), id="unknown encoding"),
        pytest.param(file(ContentId="a b"), id="blank in a content id"),
        pytest.param(file(ContentType="a" * 79), id="long type"),
        pytest.param({"ConfigurationSetName": "a b"}, id="configuration set's name"),
        pytest.param(inline("{"), id="template data is no JSON"),
        pytest.param(inline(json.dumps({"a": "x" * 262_144})), id="long template data"),
        pytest.param(inline("{}", text="x" * 1_048_576), id="long inline template"),
    ],
)
def test_send_email_refuses(ses, wrong):
    request = {name: value for name, value in (simple() | wrong).items() if value is not None}
    with pytest.raises(ses.client.exceptions.BadRequestException):
        ses.client.send_email(**request)
    assert (ses.accepted(), ses.counts()["refused"]) == (0, 1)


@pytest.mark.parametrize(
    "good",
    [
        pytest.param(to(*(f"a{number}@example.com" for number in range(50))), id="50 recipients"),
        pytest.param(to('"taro."@docomo.example'), id="a dot before the @ in quotes"),
        pytest.param(to('"a@b<c> d"@example.com'), id="odd signs in quotes"),
        pytest.param(to('"Doe, J <j@x>" <j@example.com>'), id="a name in quotes"),
        pytest.param(to(f"{'a' * 304} <a@example.com>"), id="320 bytes with the name"),
        pytest.param({"EmailTags": tags(**{"a" * 256: "b" * 256})}, id="long tag"),
        pytest.param(file(ContentDisposition="INLINE", ContentId="logo", ContentType="image/png"), id="an image"),
        pytest.param(file(RawContent=bytes(300_000)), id="a larger file"),
        pytest.param(content(Headers=[HEADER] * 15), id="15 headers"),
        pytest.param(content(Headers=[{"Name": "a", "Value": "a" * 995}]), id="long header"),
        pytest.param(inline(json.dumps({"a": "x" * 262_000})), id="long template data"),
        pytest.param({"FromEmailAddress": "=?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@example.com>"}, id="encoded name"),
    ],
)
def test_send_email_accepts_requests_at_the_limits(ses, good):
    ses.client.send_email(**simple() | good)
    assert ses.counts()["messages"] == 1


def test_a_mail_of_more_than_40_mb_is_refused(ses):
    body = simple() | file(RawContent=b64encode(bytes(31_000_000)).decode())
    with pytest.raises(HTTPError, match="400"):
        ses.request("/v2/email/outbound-emails", "POST", body)
    assert (ses.accepted(), ses.counts()["refused"]) == (0, 1)


def test_a_stored_template_does_not_exist(ses):
    with pytest.raises(ses.client.exceptions.NotFoundException):
        ses.send(Content={"Template": {"TemplateName": "welcome", "TemplateData": "{}"}})


@pytest.mark.parametrize("count", [0, 51])
def test_a_bulk_call_has_1_to_50_entries(ses, count):
    with pytest.raises(ses.client.exceptions.BadRequestException):
        ses.bulk(*[entry()] * count)
    assert (ses.accepted(), ses.counts()["refused"]) == (0, count)


@pytest.mark.parametrize("missing", ["DefaultContent", "FromEmailAddress"])
def test_a_bulk_call_without_what_it_needs(ses, missing):
    request = {name: value for name, value in bulk(entry()).items() if name != missing}
    with pytest.raises(ses.client.exceptions.BadRequestException):
        ses.client.send_bulk_email(**request)
    assert ses.accepted() == 0
