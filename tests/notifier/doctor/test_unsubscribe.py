"""Links to unsubscribe: missing, forged, not reached, redirected, without a valid certificate."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from docs.screenshots.serving import serving
from notifier.database.engine import connect
from notifier.doctor.finding import Level
from notifier.outbox import OptOuts
from notifier.unsubscribe import Tokens, Topics, UnsubscribeLinks
from tests.notifier.doctor.conftest import Diagnose, Diagnosis, LoginOf
from tests.workers.channels.webhook.test_channel import certificate
from web.preferences.app import Preferences, application

__all__ = ["certificate"]

KEY, OTHER = "k" * 32, "o" * 32
ROUTES = "tests.notifier.doctor.topic_routes"

Ask = Callable[..., Diagnosis]


@pytest.fixture
def ask(diagnose: Diagnose) -> Ask:
    return lambda **given: diagnose("unsubscribe", **{"routes": ROUTES, "unsubscribe_keys": KEY, **given})


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def page(engine: Engine) -> Iterator[str]:
    """The address of a page that answers."""
    links = UnsubscribeLinks("http://127.0.0.1", Tokens([KEY]))
    app = application(Preferences(engine, links, OptOuts(engine, actor="test"), Topics(), "http://127.0.0.1/u"))
    with serving(app) as address:
        yield f"{address}/u"


@contextmanager
def answering(status: int, certificate: Path | None = None, **headers: str) -> Iterator[str]:
    """A server of somebody else's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with ExitStack() as stack:
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}/u"


def test_a_page_that_answers_one_click(ask: Ask, page: str, engine: Engine) -> None:
    found = ask(unsubscribe_url=page)
    assert "one click" in found.at(Level.GOOD)[0]
    assert "http" in found.at(Level.DOUBTFUL)[0]
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM suppressions")) == 0


def test_a_topic_without_links(ask: Ask) -> None:
    assert "a_topic_route" in ask(unsubscribe_keys="").the(
        Level.WRONG, "no link to unsubscribe", "NOTIFIER_UNSUBSCRIBE_URL"
    )


def test_no_topic_needs_none(ask: Ask) -> None:
    assert ask(unsubscribe_keys="", routes="examples.notifications").at(Level.WRONG) == []


def test_no_keys(ask: Ask) -> None:
    ask(unsubscribe_keys="", unsubscribe_url="https://mail.example.com/u").the(
        Level.WRONG, "NOTIFIER_UNSUBSCRIBE_KEYS"
    )


@pytest.mark.parametrize("unsubscribe_url", ["", "https://mail.example.com/u"])
def test_only_a_worker_needs_what_makes_links(ask: Ask, login_of: LoginOf, unsubscribe_url: str) -> None:
    """In ECS a bridge has neither URL nor keys, in Kubernetes the URL alone."""
    given = {"unsubscribe_url": unsubscribe_url, "unsubscribe_keys": ""}
    found = ask(database_url=login_of("bridge"), **given)
    found.the(Level.UNKNOWN, "workers make them", "settings of a worker")
    assert len(found) == 1
    ask(database_url=login_of("worker"), **given).the(Level.WRONG, "NOTIFIER_UNSUBSCRIBE_KEYS")


def test_links_are_tried_with_the_login_of_a_bridge_that_has_the_keys(ask: Ask, page: str, login_of: LoginOf) -> None:
    assert "one click" in ask(unsubscribe_url=page, database_url=login_of("bridge")).at(Level.GOOD)[0]


def test_other_keys_than_the_page(ask: Ask, page: str) -> None:
    ask(unsubscribe_url=page, unsubscribe_keys=OTHER).the(Level.WRONG, "does not know the links", "same")


def test_the_database_of_the_page_fails(ask: Ask, page: str, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP FUNCTION opt_outs(text, text[])"))
    ask(unsubscribe_url=page).the(Level.WRONG, "status 503")


def test_no_answer(ask: Ask) -> None:
    ask(unsubscribe_url="http://127.0.0.1:1/u").the(Level.WRONG, "cannot be reached", "ConnectError")


def test_a_redirect(ask: Ask) -> None:
    with answering(302, Location="https://example.com") as url:
        ask(unsubscribe_url=url).the(Level.WRONG, "redirect")


def test_another_program(ask: Ask) -> None:
    with answering(200) as url:
        ask(unsubscribe_url=url).the(Level.UNKNOWN, "another program")


def test_an_untrusted_certificate(ask: Ask, certificate: Path) -> None:
    with answering(200, certificate) as url:
        ask(unsubscribe_url=url).the(Level.WRONG, "certificate", "not valid")
