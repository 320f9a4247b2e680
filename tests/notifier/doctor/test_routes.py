"""What is wrong with routes, channels and templates is found and named."""

import sys
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import pytest

from notifier.doctor.finding import Level
from notifier.routes.declarations import _DECLARED
from simulators.smtp import SmtpSimulator
from tests.notifier.doctor.conftest import Diagnose, Diagnosis, LoginOf

ROUTES = ("routes", "channels", "templates")
ONE = """
from notifier import Email, route

@route(table="orders", channel="email")
def shipped(event): return Email(to="a@example.com", template="shipped")
"""
Ask = Callable[..., Diagnosis]


@pytest.fixture
def ask(diagnose: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Checks a module with this source, and a folder of templates that is good unless the test changes it."""
    monkeypatch.syspath_prepend(tmp_path)
    for name, module in [*sys.modules.items()]:
        if _DECLARED in vars(module):  # of another test: its routes would be found as some that are not used
            monkeypatch.delitem(sys.modules, name)
    write(tmp_path, "shipped/subject.txt", "shipped/body.txt")

    def run(source: str, **given: str) -> Diagnosis:
        module = f"routes_{token_hex(4)}"
        (tmp_path / f"{module}.py").write_text(source)
        return diagnose(*ROUTES, **{"routes": module, "tables": "orders", **given})

    return run


def write(folder: Path, *names: str, text: str = "Hello") -> None:
    for name in names:
        file = folder / "templates" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def test_good_routes(ask: Ask) -> None:
    found = ask(ONE)
    assert len(found.at(Level.GOOD)) == len(found) == 5


def test_routes_that_the_module_does_not_import(ask: Ask, tmp_path: Path) -> None:
    name = f"other_{token_hex(4)}"
    (tmp_path / f"{name}.py").write_text(ONE.replace("shipped", "paid"))
    found = ask(f"{ONE}\n__import__({name!r})\n")
    found.the(Level.DOUBTFUL, "does not import are not used: paid", "import their modules")


def test_no_module(diagnose: Diagnose) -> None:
    found = diagnose(*ROUTES, routes="no_such_module")
    found.the(Level.WRONG, "there is no such module")
    assert found.at(Level.UNKNOWN) == ["the rest was not checked: it needs routes that can be loaded"]


def test_a_module_that_fails(ask: Ask) -> None:
    ask("import os\n1 / 0\n").the(Level.WRONG, "failed on import: ZeroDivisionError")


def test_a_pattern_that_is_wrong(ask: Ask) -> None:
    source = ONE.replace('channel="email"', 'channel="email", match={"total": [{"numeric": ["=>", 1]}]}')
    ask(source).the(Level.WRONG, "=>")


def test_a_table_without_a_route(ask: Ask) -> None:
    found = ask(ONE, tables="orders,activity")
    found.the(Level.WRONG, "no route is for the table activity", "quarantine", "take the table out")


def test_a_route_that_gets_no_event(ask: Ask) -> None:
    found = ask(ONE, tables="activity")
    found.the(Level.DOUBTFUL, "no event reaches the route shipped", "NOTIFIER_TABLES")


def test_no_tables(ask: Ask) -> None:
    ask(ONE, tables="").the(Level.WRONG, "NOTIFIER_TABLES is not set", "separated by commas")


def test_a_channel_without_its_settings(ask: Ask) -> None:
    ask(ONE, sender="").the(Level.WRONG, "the channel email cannot send: NOTIFIER_SENDER is not set")


def test_a_channel_without_events(ask: Ask) -> None:
    ask(ONE, ses_configuration_set="").the(Level.DOUBTFUL, "gets no delivery events", "events of SES")


def test_only_a_worker_needs_the_settings_of_its_channel(ask: Ask, login_of: LoginOf) -> None:
    source = ONE.replace("email", "webhook").replace("Email", "Webhook")
    found = ask(source, database_url=login_of("bridge"))
    found.the(Level.UNKNOWN, "whether the channel webhook can send", "settings of notifier worker webhook")
    assert found.at(Level.WRONG) == []
    found = ask(source, database_url=login_of("worker"))
    found.the(Level.WRONG, "the channel webhook cannot send: NOTIFIER_WEBHOOK_SECRET is not set")


@pytest.mark.parametrize("process", ["bridge", "feedback", "console", "operator"])
def test_only_a_worker_asks_the_provider_of_its_channel(ask: Ask, login_of: LoginOf, process: str) -> None:
    source = ONE.replace('channel="email"', 'channel="smtp"')
    with SmtpSimulator() as server:
        given = {"smtp_host": "127.0.0.1", "smtp_port": str(server.port), "smtp_security": "none"}
        found = ask(source, database_url=login_of(process), **given)
        found.the(Level.UNKNOWN, "what the provider of the channel smtp says", "settings of notifier worker smtp")
        assert found.at(Level.WRONG) == []
        assert server.connections == 0
        found = ask(source, database_url=login_of("worker"), **given)
        assert any(each.startswith("the SMTP server 127.0.0.1") for each in found.at(Level.GOOD))
        assert server.connections == 1
        ask(source, **given)  # the rights cannot be read: no database answers
        assert server.connections == 2


def test_a_bridge_needs_the_settings_of_events(ask: Ask, login_of: LoginOf) -> None:
    found = ask(ONE, sender="", ses_configuration_set="", database_url=login_of("bridge"))
    assert len(found.at(Level.UNKNOWN)) == 1
    found.the(Level.DOUBTFUL, "the channel email gets no delivery events")


def test_a_broken_template(ask: Ask, tmp_path: Path) -> None:
    write(tmp_path, "shipped/body.txt", text="{% if %}")
    ask(ONE).the(Level.WRONG, "body.txt, line 1")


def test_a_translation_without_a_part(ask: Ask, tmp_path: Path) -> None:
    write(tmp_path, "shipped/body.de.txt")
    ask(ONE).the(Level.DOUBTFUL, "the translation de of shipped", "not subject.de.txt")


def test_a_file_that_is_not_read(ask: Ask, tmp_path: Path) -> None:
    write(tmp_path, "shipped/bodi.txt")
    ask(ONE).the(Level.DOUBTFUL, "bodi.txt is not read", "rename or delete it")


def test_what_keeps_messages_from_people(diagnose: Diagnose) -> None:
    given = {"shadow": "true", "only_to": "*@example.com", "redirect_to": "email=nowhere,fax=1"}
    found = diagnose("restrictions", routes="examples.notifications", **given)
    found.the(Level.WRONG, "NOTIFIER_REDIRECT_TO: email", "an address that the channel can send to")
    found.the(Level.WRONG, "names the channel fax", "name one of")
    found.the(Level.DOUBTFUL, "a comparison finds no pairs", "take one of the two out")
    found.the(Level.DOUBTFUL, "NOTIFIER_SHADOW is on", "take it out")
    assert len(diagnose("restrictions", routes="examples.notifications").at(Level.GOOD)) == 1
