"""Processes of previews: what they answer, and what they may not do to who asks."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from notifier import Digest, Event, Identity, route
from notifier.preview import child
from notifier.preview.child import PreviewFailed, ask
from notifier.preview.routing import options_of
from notifier.routes import routes_of
from tests.notifier.preview.project import Project, project
from tests.waiting import wait_until

__all__ = ["project"]


def tried(item: str, **more: str) -> dict[str, Any]:
    return ask({"ask": "event", "item": item, "table": "orders", "name": "INSERT", **more}, {})


def test_the_routes_in_their_order(project: Project) -> None:
    routes = ask({"ask": "routes"}, {})["routes"]
    assert [each["name"] for each in routes] == ["mailed", "texted", "posted", "silent", "broken"]
    posted = routes[2]
    assert (posted["on"], posted["match"], posted["match_old"]) == (["MODIFY"], ["paid is true"], ["paid is false"])
    assert posted["options"] == {"retry": "attempts=3"}
    assert posted["where"].startswith(str(project.routes))
    assert routes[1]["options"] == {"expires_after": "6 hours"}


def test_options_of_a_route_are_shown_as_words() -> None:
    @route(
        table="visits",
        channel="email",
        digest=Digest(by=("owner.id", "kind"), window=timedelta(minutes=90), at_most=20, first_at_once=True),
        identity=Identity("Blue <hello@blue.example>", tenant="blue"),
        timeout=2.5,
    )
    def visited(events: list[Event]) -> None: ...

    [made] = routes_of(visited)
    assert options_of(made) == {
        "digest": "by owner.id and kind, 90 minutes, at most 20, the first at once",
        "identity": "sender=Blue <hello@blue.example>, tenant=blue",
        "timeout": "2.5 s",
    }


def test_the_message_of_each_channel(project: Project) -> None:
    mail = tried('{"kind": "mail", "to": "ana@example.com", "name": "A & B"}')
    assert mail["owner"] == "mailed"
    assert mail["message"] == {
        "kind": "email",
        "to": "ana@example.com",
        "sender": "shop@example.com",
        "subject": "Hello A & B",
        "text": "Dear A & B",
        "html": "<p>Dear <b>A &amp; B</b></p>",
        "more": {},
    }
    text = tried('{"kind": "text", "text": "Olá €"}')["message"]
    assert (text["kind"], text["segments"]) == ("sms", ["UCS-2", 5, 70, 1])
    hook = tried('{"paid": true, "total": 1.5}', name="MODIFY", old='{"paid": false}')
    assert hook["message"]["text"] == '{\n  "total": 1.5\n}'
    assert "whsec_hidden" not in str(hook)
    assert tried("{}", name="REMOVE")["message"] == {"kind": "none"}


def test_an_error_has_the_line_of_the_users_code(project: Project) -> None:
    message = tried('{"kind": "broken"}')["message"]
    assert (message["kind"], message["error"]) == ("error", "KeyError: 'missing'")
    assert message["where"] == f"{project.routes}:{project.line('return event.new[')}"


def test_no_route_claims_it(project: Project) -> None:
    answer = tried('{"kind": "other"}')
    assert (answer["owner"], answer["message"]) == (None, None)
    assert answer["verdicts"][0]["reasons"] == ["kind is “other”; wanted: kind is “mail”"]


def test_an_edit_shows_at_once(project: Project) -> None:
    assert tried('{"kind": "mail", "to": "a@b.c", "name": "x"}')["message"]["subject"] == "Hello x"
    project.template("hello/subject.txt", "Bye {{ name }}")
    project.routes.write_text(project.routes.read_text().replace('"mail"', '"letter"'))
    assert tried('{"kind": "mail"}')["owner"] is None
    assert tried('{"kind": "letter", "to": "a@b.c", "name": "x"}')["message"]["subject"] == "Bye x"


def test_routes_that_cannot_be_loaded(project: Project) -> None:
    project.routes.write_text("x = 1\nraise KeyError('why')\n")
    with pytest.raises(PreviewFailed, match=rf"KeyError: 'why' \({project.routes}:2\)"):
        ask({"ask": "routes"}, {})


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import os; os._exit(3)", "exit code 3 and no answer"),
        ("import os; os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
        ("x = bytearray(10**10)", "MemoryError"),
        ("import sys; sys.stderr.write('secret'); print('secret'); raise ValueError('shown')", "ValueError: shown"),
    ],
)
def test_what_the_users_code_does_ends_its_own_process_only(project: Project, code: str, said: str) -> None:
    project.routes.write_text(code)
    with pytest.raises(PreviewFailed, match=said) as failed:
        ask({"ask": "routes"}, {})
    assert "secret" not in str(failed.value)


def test_an_answer_may_not_be_too_large(project: Project) -> None:
    project.template("hello/body.txt", "{{ 'x' * 5000000 }}")
    with pytest.raises(PreviewFailed, match="more than 4 MB"):
        tried('{"kind": "mail", "to": "a@b.c", "name": "x"}')


def test_a_preview_that_hangs_is_killed_with_what_it_started(project: Project, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    project.routes.write_text(
        "import os, subprocess, time\n"
        "inner = subprocess.Popen(['sleep', '1000'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{inner.pid}}')\n"
        "time.sleep(1000)\n"
    )
    with pytest.raises(PreviewFailed, match="longer than 10 seconds"):
        ask({"ask": "routes"}, {}, seconds=10)
    for pid in map(int, pids.read_text().split()):
        wait_until(lambda pid=pid: _is_gone(pid))


def _is_gone(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def test_the_process_gets_no_secret_of_the_console(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFIER_DATABASE_URL", "NOTIFIER_CONSOLE_OIDC_CLIENT_SECRET", "NOTIFIER_BRIDGE_PASSWORD"):
        monkeypatch.setenv(name, "postgresql://very-secret")
    monkeypatch.setenv("SHOP_API", "for-the-routes")
    project.routes.write_text("import os\nraise ValueError(sorted(os.environ.items()))")
    with pytest.raises(PreviewFailed) as failed:
        ask({"ask": "routes"}, {})
    assert "very-secret" not in str(failed.value)
    assert "very-secret" not in str(child._variables({}))
    assert child._variables({})["SHOP_API"] == "for-the-routes"


def test_two_run_at_once_and_others_are_told_to_wait(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_WAIT_SECONDS", 0.01)
    with child._free, child._free, pytest.raises(PreviewFailed, match="try again"):
        ask({"ask": "routes"}, {})
    assert ask({"ask": "routes"}, {})["routes"]


def test_nothing_is_written(project: Project) -> None:
    before = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")}
    tried('{"kind": "mail", "to": "a@b.c", "name": "x"}')
    assert {path: path.stat().st_mtime_ns for path in project.folder.rglob("*")} == before
