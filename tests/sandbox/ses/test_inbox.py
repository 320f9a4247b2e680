"""The inbox shows mails, and runs nothing that is in them."""

import base64
import hashlib
import html
import re
import shutil
import subprocess
from urllib.request import urlopen

import pytest

from tests.sandbox.ses.simulator import entry, simple, simulator

CHROMIUM = shutil.which("chromium")
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--virtual-time-budget=5000", "--dump-dom"),
)


def mails(ses, query: str = "") -> list[str]:
    return [mail["subject"] for mail in ses.ask(f"/_sim/inbox?{query}")["mails"]]


def send(ses, *subjects: str) -> None:
    ses.bulk(*(entry(subject=subject, nid=f"n-{subject}") for subject in subjects))


def test_pages_are_newest_first_and_stay_still(ses):
    send(ses, *"abcde")
    first = ses.ask("/_sim/inbox?limit=2")
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


def test_copies_of_a_notification_are_marked(ses):
    ses.send(nid="n1")
    ses.send(nid="n1")
    ses.send(nid="n2")
    assert [mail["copies"] for mail in ses.ask("/_sim/inbox")["mails"]] == [1, 2, 2]


def test_only_the_last_mails_are_kept(tmp_path):
    with simulator(tmp_path / "journal", "--keep", "3") as ses:
        send(ses, *"abcde")
        assert mails(ses) == ["e", "d", "c"]
        gone = ses.lines()[0]["message_id"]
        with pytest.raises(OSError, match="404") as raised:
            ses.ask(f"/_sim/inbox/{gone}")
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
