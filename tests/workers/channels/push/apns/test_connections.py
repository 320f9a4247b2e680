"""Connections to APNs: what is known of a push when one of them ends."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from h2.settings import SettingCodes

from notifier import Push
from notifier.outcomes import Accepted, NotSent, Offline, Rejected, Unknown
from simulators.push.apns import ApnsFault, ApnsSimulator
from simulators.push.apns.faults import Then
from tests.waiting import wait_until
from tests.workers.channels.push.apns.sending import TOKEN, message, send
from workers.channels.push.apns import ApnsChannel, connection, connections

Make = Callable[..., ApnsChannel]


def test_pushes_one_after_another_share_a_connection(server: ApnsSimulator, make: Make) -> None:
    channel = make()
    for _ in range(5):
        assert isinstance(send(channel), Accepted)
    assert (server.connections, len(server.pushes)) == (1, 5)


def test_many_at_once_have_a_connection_each_and_keep_them(server: ApnsSimulator, make: Make) -> None:
    channel = make()
    for _ in range(2):
        assert {type(each) for each in channel.send([message() for _ in range(100)])} == {Accepted}
    assert server.connections <= 64
    assert len(server.pushes) == 200


@pytest.mark.parametrize("then", ["goaway", "refuse_stream"])
def test_what_apns_has_not_processed_is_sent_once_more(then: Then, server: ApnsSimulator, make: Make) -> None:
    channel = make()
    send(channel)
    server.faults = [ApnsFault(then=then, times=1)]
    assert isinstance(send(channel), Accepted)
    assert (server.requests, len(server.pushes), server.connections) == (3, 2, 2)


@pytest.mark.parametrize("then", ["goaway", "refuse_stream"])
def test_what_apns_has_not_processed_twice_waits_for_the_next_attempt(
    then: Then, server: ApnsSimulator, make: Make
) -> None:
    server.faults = [ApnsFault(then=then)]
    assert isinstance(send(make()), NotSent)
    assert (server.requests, server.pushes) == (2, [])


def test_an_answer_after_a_goaway_that_names_its_request_counts(server: ApnsSimulator, make: Make) -> None:
    server.faults = [ApnsFault(then="accept_then_goaway", times=1)]
    channel = make()
    assert isinstance(send(channel), Accepted)
    assert server.requests == 1
    assert isinstance(send(channel), Accepted)
    assert (server.connections, len(server.pushes)) == (2, 2)


@pytest.mark.parametrize("then", ["accept_then_cut", "accept_then_goaway_and_cut"])
def test_a_lost_answer_is_unknown_and_nothing_is_sent_again(then: Then, server: ApnsSimulator, make: Make) -> None:
    server.faults = [ApnsFault(then=then)]
    assert isinstance(send(make()), Unknown)
    assert (server.requests, len(server.pushes)) == (1, 1)


def test_one_lost_connection_makes_one_push_unknown(server: ApnsSimulator, make: Make) -> None:
    server.faults = [ApnsFault(then="accept_then_cut", times=1)]
    outcomes = make().send([message() for _ in range(20)])
    assert sorted(type(each).__name__ for each in outcomes) == ["Accepted"] * 19 + ["Unknown"]


def test_the_status_decides_where_the_body_is_lost(server: ApnsSimulator, make: Make) -> None:
    server.faults = [ApnsFault(then="accept_then_cut_body", times=1)]
    channel = make()
    assert isinstance(send(channel), Accepted)
    assert isinstance(send(channel), Accepted)


def test_a_connection_that_apns_closed_meanwhile_gets_no_push(server: ApnsSimulator, make: Make) -> None:
    channel = make()
    channel.send([message() for _ in range(8)])
    before = server.connections
    server.close_connections()
    wait_until(lambda: not server.open)
    assert {type(each) for each in channel.send([message() for _ in range(8)])} == {Accepted}
    assert server.connections > before
    assert len(server.pushes) == 16


def test_a_connection_that_was_idle_long_is_asked_first(
    server: ApnsSimulator, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (connection, connections):
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(connection, "PING_SECONDS", 0.2)
    channel = make()
    for _ in range(3):
        assert isinstance(send(channel), Accepted)
    assert server.connections == 1
    old = next(iter(server.open))
    old.deaf = True
    assert isinstance(send(channel), Accepted)
    assert (server.connections, server.requests) == (2, 4)


def test_connections_that_are_not_needed_are_closed(
    server: ApnsSimulator, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = make()
    channel.send([message() for _ in range(30)])
    monkeypatch.setattr(connections, "KEPT_SECONDS", 0.0)
    send(channel)
    wait_until(lambda: len(server.open) <= 1)


def test_a_payload_waits_for_room_in_the_window(make: Make) -> None:
    with ApnsSimulator(settings={SettingCodes.INITIAL_WINDOW_SIZE: 100}) as narrow:
        channel = make(narrow)
        for number in range(3):
            assert isinstance(send(channel, Push(TOKEN, text=f"{number}" * 3_000)), Accepted)
        assert [len(each.body) > 3_000 for each in narrow.pushes] == [True] * 3
        assert narrow.connections == 1


def test_a_push_that_could_not_leave_as_a_whole_is_known_not_sent(make: Make) -> None:
    with ApnsSimulator(settings={SettingCodes.INITIAL_WINDOW_SIZE: 0}) as closed:
        assert isinstance(send(make(closed, send_lease_seconds=4)), Offline | NotSent)
        assert closed.pushes == []


def test_a_server_that_takes_no_stream_was_sent_nothing(make: Make) -> None:
    with ApnsSimulator(settings={SettingCodes.MAX_CONCURRENT_STREAMS: 0}) as full:
        assert isinstance(send(make(full)), NotSent)
        assert full.requests == 0


def test_no_connection_is_left_after_close(server: ApnsSimulator, make: Make) -> None:
    channel = make()
    channel.send([message() for _ in range(10)])
    channel.close()
    wait_until(lambda: not server.open)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of `localhost` and its key, in one file."""
    if not shutil.which("openssl"):
        pytest.skip("no `openssl` here to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "certificate.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *words.split(), "-keyout", folder / "key.pem", "-out", made]
    subprocess.run(command, check=True, capture_output=True)
    made.write_text(made.read_text() + (folder / "key.pem").read_text())
    return made


def tls(certificate: Path, *protocols: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(list(protocols))
    return context


@pytest.fixture
def secure(certificate: Path) -> Iterator[ApnsSimulator]:
    with ApnsSimulator(tls=tls(certificate, "h2")) as simulator:
        yield simulator


def test_pushes_go_by_tls(
    secure: ApnsSimulator, certificate: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    channel = make(secure)
    for _ in range(2):
        assert {type(each) for each in channel.send([message() for _ in range(20)])} == {Accepted}
    secure.close_connections()
    wait_until(lambda: not secure.open)
    assert isinstance(send(channel), Accepted)
    secure.faults = [ApnsFault(410, "Unregistered")]
    assert isinstance(send(channel), Rejected)


def test_a_certificate_that_is_not_trusted_gets_no_push(secure: ApnsSimulator, make: Make) -> None:
    assert isinstance(send(make(secure)), Offline)
    assert secure.requests == 0


def test_a_server_without_http_2_gets_no_push(certificate: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with ApnsSimulator(tls=tls(certificate, "http/1.1")) as old:
        outcome = send(make(old))
        assert isinstance(outcome, Offline)
        assert "HTTP/2" in outcome.reason


def test_a_server_that_says_nothing_gets_no_push(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert isinstance(send(make(apns_endpoint_url=url, send_lease_seconds=4)), Offline)
