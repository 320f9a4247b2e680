"""`notifier up` and the demo beside what a user has on the machine."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from notifier.messages import Message
from notifier.settings import RoleSettings
from notifier.testing import HttpAnswer, HttpProvider, HttpRequest
from sandbox.system import EXAMPLE, System, clean_environment, notifier_process, own_options
from tests.system.conftest import IMPATIENT
from tests.waiting import wait_until


def test_a_users_file_names_take_no_librarys_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("email.py", "queue.py", "celery.py", "redis.py"):
        (tmp_path / name).write_text("raise RuntimeError(__file__)")
    monkeypatch.chdir(tmp_path)
    with notifier_process("help", ["worker", "--help"], tmp_path, {}) as child:
        child.finish(30)


def test_the_demo_ignores_what_the_user_exports(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*EXAMPLE, "NOTIFIER_AWS_DYNAMODB_ENDPOINT_URL"):
        monkeypatch.setenv(name, "http://mine")
    assert EXAMPLE.items() <= system.environment.items()
    assert system.settings.endpoint("dynamodb") == system.aws.url


def test_up_takes_the_users_options_and_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_LOG_LEVEL", "debug")
    monkeypatch.setenv("NOTIFIER_BROKER_URL", "redis://mine")
    monkeypatch.setenv("NOTIFIER_AWS_ENDPOINT_URL", "http://mine")
    monkeypatch.setenv("NOTIFIER_FEEDBACK_QUEUE_URL", "http://mine")
    monkeypatch.setenv("NOTIFIER_HEARTBEAT_FOLDER", "/mine")
    for name in RoleSettings.model_fields:
        monkeypatch.setenv(f"NOTIFIER_{name.upper()}", "secret")
    options = own_options()
    assert options["NOTIFIER_LOG_LEVEL"] == "debug"
    servers = ("BROKER_URL", "AWS_ENDPOINT_URL", "FEEDBACK_QUEUE_URL", "HEARTBEAT_FOLDER")
    for name in (*servers, *map(str.upper, RoleSettings.model_fields)):
        assert f"NOTIFIER_{name}" not in options


def test_a_name_in_small_letters_is_the_same_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("notifier_broker_url", "redis://mine")
    monkeypatch.setenv("notifier_log_level", "debug")
    assert own_options()["NOTIFIER_LOG_LEVEL"] == "debug"
    given = clean_environment() | own_options()
    assert [name for name in given if name.lower() in ("notifier_broker_url", "notifier_log_level")] == [
        "NOTIFIER_LOG_LEVEL"
    ]


@pytest.mark.parametrize(
    "name", ["NOTIFIER_NTFY_URL", "NOTIFIER_AWS_PUSH_URL", "NOTIFIER_BROKER_OF_CHAT", "CHAT_TOKEN"]
)
def test_up_passes_on_what_a_channel_of_another_package_is_set_to(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:7777")
    given = clean_environment() | own_options()
    assert given[name] == "http://127.0.0.1:7777"


@pytest.mark.parametrize(
    "proxy", ["http://127.0.0.1:3128", "http://user:pw@localhost:3128", "localhost:3128", "http://[::1]:1"]
)
def test_no_process_of_up_uses_a_proxy_on_this_machine(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections stay here, and what they carry does not."""
    for name in ("HTTPS_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
        assert name not in clean_environment()


def test_no_proxy_stands_before_the_servers_of_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "mine.example")
    environment = clean_environment()
    assert environment["HTTP_PROXY"] == "http://proxy.example:3128"
    assert environment["NO_PROXY"] == "mine.example,127.0.0.1,localhost,::1"


ROUTES = """
from dataclasses import dataclass
from notifier import Sms, Webhook, route
from pigeon import Letter

@route(table="activity", match={"type": ["webhook"]}, channel="webhook")
def a_webhook(event):
    return Webhook(to=event.new["to"], payload=event.new)

@route(table="activity", match={"type": ["sms"]}, channel="sms")
def an_sms(event):
    return Sms(to=event.new["to"], template="a", context=event.new)

@route(table="activity", match={"type": ["pigeon"]}, channel="pigeon")
def a_letter(event):
    return Letter(event.new["to"], "coo")
"""
PIGEON = """
import os
from dataclasses import dataclass
from urllib.request import Request, urlopen
from notifier.channels import Capability
from notifier.outcomes import Accepted, NotSent

@dataclass(frozen=True)
class Letter:
    to: str
    text: str

class Pigeon:
    capability, one_provider, request_type = Capability.NONE, True, Letter
    def __init__(self, settings):
        self.url = os.environ.get("NOTIFIER_PIGEON_URL", "http://192.0.2.1/")
    @staticmethod
    def address(to): return to
    def rate(self): return None
    def render(self, request, templates): return request.text
    def close(self): ...
    def send(self, messages):
        return [self.one(each) for each in messages]
    def one(self, message):
        try:
            urlopen(Request(self.url, message.content.encode()), timeout=5).close()
        except OSError as error:
            return NotSent(str(error))
        return Accepted(None)
"""


class Loft(HttpProvider):
    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    def concerns(self, request: HttpRequest, message: Message[Any, Any]) -> bool:
        return False

    def accepts(self, request: HttpRequest) -> HttpAnswer:
        self.bodies.append(request.body)
        return HttpAnswer(200, b"{}")


@pytest.mark.parametrize("local", [False, True])
def test_nothing_of_any_channel_leaves_the_machine(
    local: bool, system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, text in {
        "my_routes.py": ROUTES,
        "pigeon.py": PIGEON,
        "pigeon-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: pigeon\nVersion: 1\n",
        "pigeon-1.dist-info/entry_points.txt": "[notifier.channels]\npigeon = pigeon:Pigeon\n",
        "templates/a/sms.txt": "You paid {{ amount }} {{ items }}",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    system.options |= {"NOTIFIER_ROUTES": "my_routes", "NOTIFIER_WEBHOOK_SECRET": f"whsec_{'A' * 32}"}
    with Loft() as loft:
        if local:
            monkeypatch.setenv("NOTIFIER_PIGEON_URL", loft.url)
            system.options |= own_options()
            system.options |= IMPATIENT
        system.start("bridge", "bridge")
        system.start("worker", "worker", "webhook", "sms", "pigeon", module="sandbox.local_worker")
        items = [
            {"pk": "1", "sk": "1", "type": "webhook", "to": "https://shop.example/hook", "amount": Decimal("1E-8")},
            {
                "pk": "2",
                "sk": "1",
                "type": "sms",
                "to": "+351912345678",
                "amount": Decimal("0.00000001"),
                "items": "x",
            },
            {"pk": "3", "sk": "1", "type": "pigeon", "to": "ana"},
        ]
        assert len(list(system.table().write(items))) == 3
        wait_until(lambda: len(shown(system)) == 3, seconds=60)
    assert loft.bodies == ([b"coo"] if local else [])
    assert shown(system) == {
        ("webhook", "https://shop.example/hook", "kept here"),
        ("sms", "+351912345678", "delivered"),
        ("pigeon", "ana", "delivered" if local else "kept here"),
    }
    texts = {each["channel"]: each["preview"] for each in system.ses.get("/_sim/inbox")["mails"]}
    assert texts["sms"] == "You paid 0.00000001 x"
    assert texts["pigeon"] == "coo"
    assert '"type": "webhook"' in texts["webhook"]


def shown(system: System) -> set[tuple[str, str, str]]:
    mails = system.ses.get("/_sim/inbox")["mails"]
    return {(each["channel"], each["to"][0], each["fate"]) for each in mails}
