"""The inbox shows mails, and does not execute what is in them."""

import base64
import hashlib
import html
import re
import shutil
import subprocess
from contextlib import contextmanager
from urllib.request import urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.simulators.ses.simulator import entry, simple, simulator

CHROMIUM = shutil.which("chromium")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000", "--dump-dom"),
)


def mails(ses, query: str = "") -> list[str]:
    return [mail["subject"] for mail in ses.request(f"/_sim/inbox?{query}")["mails"]]


def send(ses, *subjects: str) -> None:
    ses.bulk(*(entry(subject=subject, nid=f"n-{subject}") for subject in subjects))


def test_pages_are_newest_first_and_stay_still(ses):
    send(ses, *"abcde")
    first = ses.request("/_sim/inbox?limit=2")
    assert ([mail["subject"] for mail in first["mails"]], first["total"]) == (["e", "d"], 5)
    send(ses, "f")
    assert mails(ses, f"limit=2&offset=2&top={first['newest']}") == ["c", "b"]
    assert mails(ses, "limit=2") == ["f", "e"]


def test_the_search_finds_address_subject_and_tag(ses):
    send(ses, "Spring", "Autumn")
    ses.send("Zoe@example.com", "n-special")
    assert mails(ses, "q=SPRING") == ["Spring"]
    assert mails(ses, "q=zoe%40") == mails(ses, "q=n-special") == ["Hello"]
    assert mails(ses, "q=winter") == []


def test_encoded_words_are_readable(ses):
    sender = "=?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@acme.example>"
    ses.send(FromEmailAddress=sender)
    assert ses.newest()["from"] == "Grüße <a@acme.example>"


@pytest.mark.parametrize(
    ("wire", "shown"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@acme.example>", "Grüße <a@acme.example>"),
        ("=?utf-8?b?5bGx55Sw?= =?utf-8?b?5aSq6YOO?= <t@example.com>", "山田太郎 <t@example.com>"),
        ("=?iso-8859-1?q?Jos=E9?= <j@example.com>", "José <j@example.com>"),
        ('"Doe, J" <j@example.com>', "Doe, J <j@example.com>"),
        ('"matt <3" <m@example.com>', "matt <3 <m@example.com>"),
        ('"a \\"b\\"" <m@example.com>', 'a "b" <m@example.com>'),
        ("Ann <ann@example.com>", "Ann <ann@example.com>"),
        ("ann@example.com", "ann@example.com"),
        ("<ann@example.com>", "ann@example.com"),
        ('"taro."@docomo.example', '"taro."@docomo.example'),
        ("=?no-such?q?x?= <a@example.com>", "=?no-such?q?x?= <a@example.com>"),
    ],
)
def test_display_names_are_readable_everywhere(ses, wire: str, shown: str):
    ses.send(
        FromEmailAddress=wire,
        Destination={"ToAddresses": [wire], "CcAddresses": [wire], "BccAddresses": [wire]},
        ReplyToAddresses=[wire],
    )
    mail = ses.newest()
    assert (mail["from"], mail["to"], mail["cc"], mail["bcc"], mail["reply_to"]) == (shown, *4 * ([shown],))


def test_the_search_finds_a_name_as_it_is_read(ses):
    ses.send("=?utf-8?q?Gr=C3=BC=C3=9Fe?= <a@acme.example>")
    assert mails(ses, "q=gr%C3%BC%C3%9Fe") == ["Hello"]


@contextmanager
def sns(ses):
    client = boto3.client(
        "sns", endpoint_url=ses.url, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    yield client
    client.close()


def test_an_sms_is_shown(ses):
    sender = {"AWS.SNS.SMS.SenderID": {"DataType": "String", "StringValue": "Acme"}}
    with sns(ses) as client:
        sent = client.publish(PhoneNumber="+351912345678", Message="Grüße & <b>\nx", MessageAttributes=sender)
    shown = ses.newest()
    assert sent["MessageId"] == shown["id"]
    assert (shown["channel"], shown["from"], shown["to"]) == ("sms", "Acme", ["+351912345678"])
    assert (shown["text"], shown["preview"], shown["fate"]) == ("Grüße & <b>\nx", "Grüße & <b> x", "delivered")
    assert mails(ses, "q=sms") == [""]
    assert ses.counts()["accepted"] == 0  # the journal has only mails


@pytest.mark.parametrize(
    "given", [{"PhoneNumber": "12"}, {"Message": ""}, {"Message": "x" * 1601}, {"PhoneNumber": None, "TopicArn": "t"}]
)
def test_what_sns_refuses_is_refused(ses, given: dict):
    asked = {"PhoneNumber": "+351912345678", "Message": "x"} | given
    with sns(ses) as client, pytest.raises(ClientError, match=r"InvalidParameter|InvalidAction"):
        client.publish(**{name: value for name, value in asked.items() if value is not None})
    assert mails(ses) == []


def test_a_message_of_another_channel_is_shown(ses):
    body = {"channel": "webhook", "to": "https://shop.example/hook", "text": "{}", "fate": "kept here", "nid": "n1"}
    ses.request("/_sim/inbox", "POST", body | {"headers": [["X-A", "1"]], "request": [["priority", "3"]]})
    shown = ses.newest()
    assert (shown["channel"], shown["to"], shown["fate"], shown["copies"]) == (
        *("webhook", ["https://shop.example/hook"], "kept here", 1),
    )
    assert shown["headers"] == [["X-A", "1"]]
    assert shown["tags"] == [["nid", "n1"], ["priority", "3"]]


@pytest.mark.parametrize("wrong", [{}, {"channel": "x"}, {"to": 1}, {"headers": [["a"]]}, {"request": ["ab"]}])
def test_a_message_that_cannot_be_shown_is_refused(ses, wrong: dict):
    body = wrong if not wrong or "channel" in wrong else {"channel": "x", "to": "y"} | wrong
    with pytest.raises(OSError, match="400") as raised:
        ses.request("/_sim/inbox", "POST", body)
    raised.value.close()


def test_copies_of_a_notification_are_marked(ses):
    ses.send(nid="n1")
    ses.send(nid="n1")
    ses.send(nid="n2")
    assert [mail["copies"] for mail in ses.request("/_sim/inbox")["mails"]] == [1, 2, 2]


def test_only_the_last_mails_are_kept(tmp_path):
    with simulator(tmp_path / "journal", "--keep", "3") as ses:
        send(ses, *"abcde")
        assert mails(ses) == ["e", "d", "c"]
        gone = ses.lines()[0]["message_id"]
        with pytest.raises(OSError, match="404") as raised:
            ses.request(f"/_sim/inbox/{gone}")
        raised.value.close()
        assert ses.counts()["accepted"] == 5


def test_the_page_runs_its_own_script_and_no_other(ses):
    with urlopen(ses.url, timeout=5) as answer:
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    [script] = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", page)
    assert "allow-scripts" not in page
    assert "allow-same-origin" not in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_browser_shows_a_hostile_mail_as_text(ses, tmp_path):
    attack = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    content = simple()["Content"]["Simple"]
    content |= {"Subject": {"Data": attack}, "Body": {"Html": {"Data": attack + "<p>Hello</p>"}}}
    sent = ses.send(Content={"Simple": content}, FromEmailAddress='"<b>Eve</b>" <eve@example.com>')
    url = f"{ses.url}/#{sent['MessageId']}"
    words = [CHROMIUM, *OPTIONS, f"--user-data-dir={tmp_path}", url]
    dom = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    assert f"<title>{html.escape(attack, quote=False)}</title>" in dom
    assert '<h2 id="subject">&lt;script&gt;' in dom
    assert "&lt;b&gt;Eve" in dom
    assert "<b>Eve" not in dom
    assert '<iframe sandbox="allow-popups allow-popups-to-escape-sandbox"' in dom


def test_a_text_message_of_end_user_messaging_is_shown_and_a_wrong_one_is_refused(ses):
    client = boto3.client(
        "pinpoint-sms-voice-v2",
        endpoint_url=ses.url,
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    asked = {"DestinationPhoneNumber": "+351912345678", "OriginationIdentity": "Acme", "Context": {"nid": "n-1"}}
    sent = client.send_text_message(MessageBody="hi", **asked)
    shown = ses.newest()
    assert sent["MessageId"] == shown["id"]
    assert (shown["channel"], shown["from"], shown["to"], shown["text"]) == ("sms", "Acme", ["+351912345678"], "hi")
    with pytest.raises(ClientError, match="ValidationException"):
        client.send_text_message(MessageBody="x" * 1600, **(asked | {"DestinationPhoneNumber": "12"}))
    client.close()
