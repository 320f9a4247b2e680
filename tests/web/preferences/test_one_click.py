"""One-click unsubscribe as RFC 8058 has it, over HTTP and on Postgres, under the login of the process."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from sqlalchemy import Engine, text

from notifier.outbox import ErasureKeys, OptOuts, Suppressions
from notifier.unsubscribe import Subscription, Tokens
from tests.web.odd_forms import ODD_FORMS
from tests.web.preferences.conftest import ANA
from web.preferences.app import Preferences

Path = Callable[[Subscription], str]
FORM = "List-Unsubscribe=One-Click"
URL_ENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


def opted_out(engine: Engine, address: str = ANA.address) -> set[str]:
    return OptOuts(engine, actor="test").read("email", address)


def test_a_post_unsubscribes_from_the_topic_of_its_link(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    """No cookie, no redirect, no login, nothing else that a mail provider does not have."""
    answer = visitor.post(path(ANA), content=FORM, headers=URL_ENCODED)
    assert answer.status_code == 200
    assert not answer.cookies
    assert "location" not in answer.headers
    assert opted_out(engine) == {"news"}


def test_the_form_may_be_multipart(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    answer = visitor.post(path(ANA), files={"List-Unsubscribe": (None, "One-Click")})
    assert answer.status_code == 200
    assert opted_out(engine) == {"news"}


def test_a_form_of_an_odd_type_changes_nothing(
    visitor: httpx.Client, path: Path, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    for number, (type_, content) in enumerate(ODD_FORMS):  # each with a link of its own, which has a limit of calls
        address = f"{number}@example.com"
        link = path(Subscription("email", address, "news"))
        answer = visitor.post(link, content=content, headers={"Content-Type": type_})
        assert answer.status_code == 400, (type_, content)
        assert opted_out(engine, address) == set()
    assert [each.getMessage() for each in caplog.records if each.exc_info] == []


@pytest.mark.parametrize("charset", ["iso-8859-1", "us-ascii", "windows-1252", "no-such", "utf-7"])
def test_the_charset_of_a_multipart_form_does_not_keep_a_recipient_from_unsubscribing(
    visitor: httpx.Client, path: Path, engine: Engine, charset: str
) -> None:
    content = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
    headers = {"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"}
    assert visitor.post(path(ANA), content=content, headers=headers).status_code == 200
    assert opted_out(engine) == {"news"}


def test_the_form_may_come_in_chunks_of_unknown_length(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    def chunks() -> Iterator[bytes]:
        yield FORM[:7].encode()
        yield FORM[7:].encode()

    assert visitor.post(path(ANA), content=chunks(), headers=URL_ENCODED).status_code == 200
    assert opted_out(engine) == {"news"}


def test_a_form_in_chunks_that_is_too_long_changes_nothing(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    chunks = (each.encode() for each in (FORM, "&", "x" * 32 * 1024))
    assert visitor.post(path(ANA), content=chunks, headers=URL_ENCODED).status_code == 413
    assert opted_out(engine) == set()


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_no_other_method_changes_anything(visitor: httpx.Client, path: Path, engine: Engine, method: str) -> None:
    """Scanners of mails open every link."""
    answer = visitor.request(method, path(ANA), params={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == (200 if method in {"GET", "HEAD"} else 405)
    assert opted_out(engine) == set()


@pytest.mark.parametrize("body", ["", "List-Unsubscribe=No", "action=none", "x" * 40_000, "--broken"])
def test_a_post_without_the_form_changes_nothing(
    visitor: httpx.Client, path: Path, engine: Engine, body: str
) -> None:
    assert visitor.post(path(ANA), content=body, headers=URL_ENCODED).status_code in {400, 413}
    assert opted_out(engine) == set()


def test_twice_is_once_and_the_answer_is_the_same_for_everybody(
    visitor: httpx.Client, path: Path, engine: Engine
) -> None:
    unknown = Subscription("email", "nobody@example.com", "news")
    answers = [visitor.post(path(each), content=FORM, headers=URL_ENCODED) for each in (ANA, ANA, unknown)]
    assert len({(each.status_code, each.content) for each in answers}) == 1
    assert opted_out(engine) == {"news"}


def test_a_link_of_another_key_does_nothing(visitor: httpx.Client, engine: Engine) -> None:
    forged = Tokens(["f" * 32]).make(ANA)
    for path in (f"/u/{forged}", "/u/x", "/u/%00", "/favicon.ico"):
        assert visitor.post(path, content=FORM, headers=URL_ENCODED).status_code == 404
        assert visitor.get(path).status_code == 404
    assert opted_out(engine) == set()


def test_a_proxy_may_take_the_folder_away(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    assert visitor.post(path(ANA).removeprefix("/u"), content=FORM, headers=URL_ENCODED).status_code == 200
    assert opted_out(engine) == {"news"}


def test_the_link_of_the_doctor_writes_nothing(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    assert visitor.post(path(Subscription("email", "", "")), content=FORM, headers=URL_ENCODED).status_code == 200
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM suppressions")) == 0


def test_a_complaint_stays(visitor: httpx.Client, path: Path, engine: Engine) -> None:
    """The opt-out is kept beside it, so that it holds once an operator lifts the complaint."""
    suppressions = Suppressions(engine, actor="test")
    suppressions.add("email", ANA.address, reason="complaint")
    visitor.post(path(ANA), content=FORM, headers=URL_ENCODED)
    suppressions.remove("email", ANA.address, topic="")
    assert opted_out(engine) == {"news"}


def test_an_opt_out_outlives_an_erasure(
    visitor: httpx.Client, path: Path, engine: Engine, preferences: Preferences
) -> None:
    """The person is known by a hash then: the page shows the opt-out, and joining removes it."""
    hashed = ErasureKeys(["a key of erasures"]).hashes("email", ANA.address)[0]
    Suppressions(engine, actor="test").add("email", hashed, reason="unsubscribe", topic="news")
    assert preferences.opt_outs.read("email", ANA.address) == {"news"}
    assert "Subscribe again" in visitor.get(path(ANA)).text
    visitor.post(path(ANA), data={"action": "join"})
    assert preferences.opt_outs.read("email", ANA.address) == set()


def test_a_database_that_fails_is_no_success(
    visitor: httpx.Client, path: Path, engine: Engine, preferences: Preferences
) -> None:
    with engine.begin() as connection:
        connection.execute(text("REVOKE EXECUTE ON FUNCTION opt_outs(text, text[]) FROM notifier_preferences"))
        connection.execute(text("ALTER TABLE suppressions RENAME TO gone"))
    answer = visitor.post(path(ANA), content=FORM, headers=URL_ENCODED)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "suppressions" not in answer.text
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO suppressions"))


def test_too_many_requests_with_one_link_wait_and_others_do_not(visitor: httpx.Client, path: Path) -> None:
    codes = [visitor.post(path(ANA), content=FORM, headers=URL_ENCODED).status_code for _ in range(62)]
    assert codes == [200] * 60 + [429] * 2
    assert visitor.get(path(Subscription("email", "bo@example.com", "news"))).status_code == 200


def test_guesses_wait_and_links_of_ours_do_not(visitor: httpx.Client, path: Path) -> None:
    codes = [visitor.get(f"/u/guess{number}").status_code for number in range(62)]
    assert codes == [404] * 60 + [429] * 2
    assert visitor.get(path(ANA)).status_code == 200
