"""The page *Suppressions*, on a real database."""

import csv
import io

import pytest

from notifier.outbox import ErasureKeys, Journal, JournalFilter, Suppressions
from tests.web.console.person import Person
from web.console.app import Console

TO = "ana@example.com"


def suppressed(console: Console) -> list[tuple[str, ...]]:
    rows = Suppressions(console.engine, actor="test").list()
    return sorted((row["channel"], row["address"], row["topic"], row["reason"], row["note"] or "") for row in rows)


def upload(person: Person, content: str | bytes) -> None:
    given = content.encode() if isinstance(content, str) else content
    fields = {"csrf": person.session.csrf, "reason": "from the old system"}
    person.client.post("/suppressions/import", data=fields, files={"file": ("list.csv", given, "text/csv")})


def test_an_operator_suppresses_finds_and_removes(console: Console, operator: Person) -> None:
    operator.post(
        "/suppressions/add", channel="email", address=" Ana@EXAMPLE.com ", kind="manual", reason="she called"
    )
    assert suppressed(console) == [("email", "ana@example.com", "", "manual", "she called")]
    page = operator.get(f"/suppressions?channel=email&address={TO.upper()}").text
    assert "she called" in page
    assert "/suppressions/remove" in page
    operator.post(
        "/suppressions/remove", channel="email", address="ANA@example.com", topic="", reason="she called again"
    )
    assert suppressed(console) == []
    assert [row["action"] for row in Journal(console.engine).newest(JournalFilter(), 9)] == ["unsuppress", "suppress"]


def test_who_was_erased_is_found_and_removed_by_the_address(
    console: Console, operator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure leaves a keyed hash, by which workers go on to suppress."""
    monkeypatch.setenv("NOTIFIER_ERASURE_KEYS", "new,old")
    suppressions = Suppressions(console.engine, actor="test")
    for key, topic in (("old", ""), ("new", "news")):
        suppressions.add("email", ErasureKeys([key]).hashes("email", TO)[0], reason="unsubscribe", topic=topic)
    suppressions.add("email", "joana@example.com", reason="manual")
    page = operator.get(f"/suppressions?channel=email&address={TO.upper()}").text
    assert page.count('action="/suppressions/remove"') == 2
    assert "not suppressed" not in page
    assert "not suppressed" in operator.get(f"/suppressions?channel=sms&address={TO}").text

    for topic in ("news", ""):
        operator.post("/suppressions/remove", channel="email", address=TO, topic=topic, reason="she asked")
        assert operator.flashes() == ["Removed: this recipient is written to again."]
    assert [address for _, address, *_ in suppressed(console)] == ["joana@example.com"]
    operator.post("/suppressions/remove", channel="email", address=TO, topic="", reason="she asked")
    assert operator.flashes() == ["Nothing was removed: this recipient was not suppressed."]


def test_lifting_a_graver_reason_leaves_the_opt_out(console: Console, operator: Person) -> None:
    suppressions = Suppressions(console.engine, actor="test")
    for kind in ("unsubscribe", "manual"):
        suppressions.add("email", TO, topic="news", reason=kind)
    assert "manual, unsubscribe" in operator.get("/suppressions").text
    operator.post("/suppressions/remove", channel="email", address=TO, topic="news", reason="it was a slip")
    assert operator.flashes() == ["Lifted. The recipient has opted out as well, which stays."]
    assert suppressions.has_opted_out("email", TO, "news")


def test_recipients_are_masked(console: Console, admin: Person) -> None:
    suppressions = Suppressions(console.engine, actor="test")
    suppressions.add("email", TO, reason="manual")
    suppressions.add("webhook", f"https://hooks.example.com/n?to={TO}&token=S3CRET", reason="manual")
    page = admin.get("/suppressions").text
    assert TO not in page
    assert "S3CRET" not in page
    assert "@example.com" in page
    assert "https://hooks.example.com/…" in page


def test_a_wrong_address_is_refused_in_words(console: Console, operator: Person) -> None:
    operator.post("/suppressions/add", channel="email", address="nobody", kind="manual", reason="a slip")
    (said,) = operator.flashes()
    assert said.startswith("email: ")
    assert "nobody" not in said
    assert suppressed(console) == []


def test_a_person_cannot_claim_a_complaint(console: Console, operator: Person) -> None:
    operator.post("/suppressions/add", channel="email", address=TO, kind="complaint", reason="a slip")
    assert operator.flashes() == ["The kind must be one of manual, unsubscribe."]
    assert suppressed(console) == []


def test_an_export_can_be_imported(console: Console, admin: Person) -> None:
    suppressions = Suppressions(console.engine, actor="test")
    suppressions.add("email", "=1+1@example.com", reason="manual", note="=HYPERLINK(1)")
    suppressions.add("email", TO, reason="complaint", note="'quoted', \"twice\"\nand on")
    suppressions.add("email", TO, reason="unsubscribe", topic="news")
    suppressions.add("sms", "+351912345678", reason="manual")
    before = suppressed(console)
    answer = admin.post("/suppressions/export", reason="move")
    assert answer.headers["content-type"].startswith("text/csv")
    cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "-", "@"))] == []
    for channel, address, topic, *_ in before:
        suppressions.remove(channel, address, topic=topic)
    upload(admin, answer.text)
    assert admin.flashes() == ["4 lines read, 4 recipients newly suppressed."]
    assert suppressed(console) == before
    upload(admin, answer.text)
    assert admin.flashes() == ["4 lines read, 0 recipients newly suppressed."]
    actions = [(row["action"], row["reason"]) for row in Journal(console.engine).newest(JournalFilter(), 3)]
    assert actions[:2] == [("suppress", "from the old system")] * 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the first line must name the columns; missing: channel, address"),
        ("address\nx@example.com\n", "the first line must name the columns; missing: channel"),
        (f"channel,address\nemail,{TO}\nemail,nobody\n", "line 3: email: "),
        ("channel,address,reason\nemail,a@example.com,because\n", "line 2: the reason must be one of complaint, "),
        ("channel,address\nemail,a@example.com,more\n", "line 2: more fields than columns"),
        ("channel,address\npigeon,a@example.com\n", "line 2: no channel is called 'pigeon'"),
        ("channel,address\n" + "email,nobody\n" * 8, "; and 3 more lines"),
        ('channel,address\nemail,"a@example.com', "unexpected end of data"),
        (b"channel,address\nemail,\xff\n", "the file is not in UTF-8"),
    ],
)
def test_a_wrong_file_imports_nothing(console: Console, admin: Person, content: str | bytes, said: str) -> None:
    upload(admin, content)
    (flash,) = admin.flashes()
    assert said in flash
    assert suppressed(console) == []


def test_files_as_spreadsheets_write_them(console: Console, admin: Person) -> None:
    upload(admin, "\ufeffChannel, Address \r\nemail,ANA@EXAMPLE.COM\r\n")
    assert suppressed(console) == [("email", TO, "", "manual", "")]
