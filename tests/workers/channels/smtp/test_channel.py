"""The channel `smtp` against a server that fails."""

import ssl
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from notifier import Email
from notifier.doctor.finding import Level
from notifier.errors import SettingsError
from notifier.messages import EmailContent, Message
from notifier.outcomes import Accepted, Blocked, NotSent, Offline, Outcome, Rejected, Throttled, Unknown
from notifier.settings import Settings
from notifier.testing import channel_settings
from sandbox.embedded.allocation import free_port
from simulators.smtp import Fault, SmtpSimulator
from workers.channels.smtp import SmtpChannel

Make = Callable[..., SmtpChannel]
PASSWORD = "s3cret-of-smtp"


@pytest.fixture
def server() -> Iterator[SmtpSimulator]:
    with SmtpSimulator() as simulator:
        yield simulator


@pytest.fixture
def make(server: SmtpSimulator) -> Iterator[Make]:
    made: list[SmtpChannel] = []

    def make(**changes: Any) -> SmtpChannel:
        made.append(SmtpChannel(settings(server, **changes)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def settings(server: SmtpSimulator, **changes: Any) -> Settings:
    given: dict[str, Any] = {"sender": "us@example.com", "smtp_host": "127.0.0.1", "smtp_port": server.port}
    return channel_settings(**{**given, "smtp_security": "none", **changes})


def send(channel: SmtpChannel, number: int = 1, to: str = "ana@example.com") -> list[Outcome]:
    content = EmailContent("Hello", "Good day\n.\nand more", None)
    return channel.send([Message(uuid4(), 1, Email(to, "x"), content) for _ in range(number)])


def test_mails_arrive_over_one_connection(server: SmtpSimulator, make: Make) -> None:
    channel = make(smtp_connections=1)
    outcomes = send(channel, 5)
    assert {type(each) for each in outcomes} == {Accepted}
    assert (len(server.mails), server.connections) == (5, 1)
    assert {(each.sender, each.recipient) for each in server.mails} == {("us@example.com", "ana@example.com")}
    ids = {each.message_id for each in outcomes if isinstance(each, Accepted)}
    assert all(any(f"Message-ID: {id_}".encode() in mail.data for mail in server.mails) for id_ in ids)


def test_a_connection_is_replaced_after_its_mails(server: SmtpSimulator, make: Make) -> None:
    send(make(smtp_connections=1, smtp_mails_per_connection=2), 5)
    assert server.connections == 3


def test_a_connection_that_the_server_has_closed_costs_no_attempt(server: SmtpSimulator, make: Make) -> None:
    channel = make(smtp_connections=1)
    send(channel)
    for then in (Fault("MAIL", then="cut", times=1), Fault("MAIL", "421 4.4.2 idle too long", times=1)):
        server.faults = [then]
        assert isinstance(send(channel)[0], Accepted)
    assert (len(server.mails), server.connections) == (3, 3)


@pytest.mark.parametrize(
    ("at", "expected"),
    [("CONNECT", Offline), ("EHLO", Offline), ("MAIL", NotSent), ("RCPT", NotSent), ("DATA", NotSent)],
)
def test_a_connection_that_ends_before_the_content_is_known_not_to_have_sent(
    at: Any, expected: type[Outcome], server: SmtpSimulator, make: Make
) -> None:
    server.faults = [Fault(at, then="cut")]
    assert type(send(make())[0]) is expected
    assert server.mails == []


def test_a_connection_that_ends_after_the_content_is_unknown_and_never_sent_again(
    server: SmtpSimulator, make: Make
) -> None:
    server.faults = [Fault("CONTENT", then="accept_then_cut")]
    assert isinstance(send(make())[0], Unknown)
    assert (server.contents, len(server.mails)) == (1, 1)


def test_an_answer_that_is_none_is_unknown(server: SmtpSimulator, make: Make) -> None:
    for reply in ("what?", "999 9.9.9 ok?", "100 wait", "354 go on"):
        server.faults = [Fault("CONTENT", reply)]
        assert isinstance(send(make())[0], Unknown), reply


@pytest.mark.parametrize("fault", [Fault("EHLO", f"250 {'x' * 9000}"), Fault("AUTH", "334 abcde")])
def test_a_server_that_speaks_no_smtp_before_the_mail_got_nothing(
    fault: Fault, make: Make, server: SmtpSimulator
) -> None:
    server.faults, server.users = [fault], {"us": PASSWORD}
    channel = make(smtp_user="us", smtp_password=SecretStr(PASSWORD))
    assert isinstance(send(channel)[0], Offline | Blocked)
    assert levels(list(channel.examine())) == [Level.WRONG]


def test_a_refused_mail_leaves_the_connection_to_the_next(server: SmtpSimulator, make: Make) -> None:
    channel = make(smtp_connections=1)
    server.faults = [Fault("RCPT", "550 5.1.1 no such user", contains="bo@")]
    refused, accepted = send(channel, to="bo@example.com") + send(channel)
    assert (type(refused), type(accepted)) == (Rejected, Accepted)
    assert server.connections == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("RCPT", "554 5.7.1 Relay access denied", contains="bo@"),
        Fault("CONTENT", "550 5.7.1 your account is disabled", contains="bo@"),
    ],
)
def test_one_recipient_does_not_park_the_channel_again_and_again(
    fault: Fault, server: SmtpSimulator, make: Make
) -> None:
    """Once another mail has been accepted, what the server says is about this recipient."""
    channel = make()
    server.faults = [fault]
    found = [type(send(channel, to=f"{name}@example.com")[0]) for name in ("bo", "bo", "ana", "bo", "ana", "bo")]
    assert found == [Blocked, Blocked, Accepted, NotSent, Accepted, NotSent]


def test_an_account_that_is_blocked_stays_blocked_to_those_that_were_refused(
    server: SmtpSimulator, make: Make
) -> None:
    channel = make()
    send(channel)
    server.faults = [Fault("CONTENT", "550 5.7.1 your account is disabled")]
    assert [type(send(channel)[0]) for _ in range(3)] == [Blocked] * 3


def test_a_recipient_who_was_accepted_since_says_nothing_about_a_later_block(
    server: SmtpSimulator, make: Make
) -> None:
    channel = make()
    server.faults = [Fault("CONTENT", "550 5.7.1 your account is disabled", times=1)]
    assert [type(send(channel)[0]) for _ in range(2)] == [Blocked, Accepted]
    server.faults = [Fault("CONTENT", "550 5.7.1 your account is disabled")]
    assert isinstance(send(channel)[0], Blocked)


def test_a_quota_that_becomes_free_bit_by_bit_counts_against_no_mail(server: SmtpSimulator, make: Make) -> None:
    channel = make()
    server.faults = [Fault("CONTENT", "454 Throttling failure: Daily message quota exceeded.", contains="bo@")]
    found = [type(send(channel, to=f"{name}@example.com")[0]) for name in ("bo", "ana", "bo")]
    assert found == [Blocked, Accepted, Blocked]


def test_a_mail_larger_than_the_server_takes_is_rejected_before_it_is_sent(make: Make, server: SmtpSimulator) -> None:
    server.size = 100
    assert isinstance(send(make())[0], Rejected)
    assert server.contents == 0


def test_a_busy_server_holds_the_channel_back_and_a_closed_port_is_offline(make: Make, server: SmtpSimulator) -> None:
    server.faults = [Fault("CONNECT", "421 4.3.2 too busy")]
    assert isinstance(send(make())[0], Throttled)
    assert isinstance(send(make(smtp_port=free_port()))[0], Offline)


def test_the_server_that_sends_one_byte_at_a_time_ends_with_the_lease(make: Make, server: SmtpSimulator) -> None:
    server.faults = [Fault("CONTENT", then="accept_then_hang")]
    channel = make(send_lease_seconds=1.0)
    assert isinstance(send(channel)[0], Unknown)


def test_connections_that_hang_do_not_delay_a_mail_beyond_its_lease(make: Make, server: SmtpSimulator) -> None:
    channel = make(send_lease_seconds=1.0)
    kept = [channel._connections.take()[0] for _ in range(2)]
    for each in kept:
        channel._connections.give_back(each)
    server.faults = [Fault("MAIL", then="accept_then_hang", times=2)]
    assert isinstance(send(channel)[0], NotSent)
    assert server.contents == 0


class TestEncrypted:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        path = tmp_path / "cert.pem"
        words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        words += f" -addext subjectAltName=DNS:localhost -keyout {path} -out {tmp_path / 'public.pem'}"
        subprocess.run(words.split(), check=True, capture_output=True)
        path.write_text(path.read_text() + (tmp_path / "public.pem").read_text())
        return path

    @pytest.fixture(params=["starttls", "tls"])
    def server(self, request: Any, certificate: Path) -> Iterator[SmtpSimulator]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with SmtpSimulator(tls=context, implicit=request.param == "tls", users={"us": PASSWORD}) as simulator:
            yield simulator

    @pytest.fixture
    def security(self, server: SmtpSimulator) -> dict[str, Any]:
        how = "tls" if server.implicit else "starttls"
        return {"smtp_host": "localhost", "smtp_security": how, "smtp_user": "us"}

    def test_mails_are_sent_after_tls_and_login(
        self,
        server: SmtpSimulator,
        make: Make,
        security: dict[str, Any],
        certificate: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        channel = make(**security, smtp_password=SecretStr(PASSWORD))
        assert isinstance(send(channel)[0], Accepted)
        assert [each.level for each in channel.examine()] == [Level.GOOD]

    def test_an_untrusted_certificate_stops_the_channel(self, make: Make, security: dict[str, Any]) -> None:
        outcome = send(make(**security, smtp_password=SecretStr(PASSWORD)))[0]
        assert isinstance(outcome, Blocked)
        assert "certificate" in outcome.reason

    def test_a_wrong_password_is_neither_logged_nor_shown(
        self, make: Make, security: dict[str, Any], certificate: Path, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str],
    ) -> None:  # fmt: skip
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        channel = make(**security, smtp_password=SecretStr(PASSWORD + "!"))
        with capture_logs() as logs:
            (outcome,) = send(channel)
            (finding,) = channel.examine()
        assert isinstance(outcome, Blocked)
        assert finding.level is Level.WRONG
        written = capsys.readouterr()
        assert PASSWORD not in f"{outcome}{finding}{logs}{caplog.text}{written.out}{written.err}"


def test_a_server_without_starttls_gets_no_mail(make: Make, server: SmtpSimulator) -> None:
    outcome = send(make(smtp_security="starttls"))[0]
    assert isinstance(outcome, Blocked)
    assert server.contents == 0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"smtp_host": ""}, "SMTP_HOST"),
        ({"sender": ""}, "SENDER"),
        ({"sender": "nobody"}, "SENDER"),
        ({"smtp_user": "us"}, "SMTP_PASSWORD"),
        ({"smtp_user": "us", "smtp_password": SecretStr("pä" + PASSWORD)}, "SMTP_PASSWORD"),
        ({"smtp_user": "us", "smtp_password": SecretStr(PASSWORD), "smtp_host": "mail.example.com"}, "clear"),
        ({"smtp_return_path": "nobody"}, "SMTP_RETURN_PATH"),
    ],
)
def test_settings_that_cannot_work_are_refused_without_the_password(
    changes: dict[str, Any], named: str, server: SmtpSimulator
) -> None:
    with pytest.raises(SettingsError, match=named) as raised:
        SmtpChannel.check(settings(server, **changes))
    assert PASSWORD not in str(raised.value)


def levels(findings: Sequence[Any]) -> list[Level]:
    return [each.level for each in findings]


def test_the_doctor_says_what_is_wrong_and_sends_no_mail(make: Make, server: SmtpSimulator) -> None:
    assert levels(list(make().examine())) == [Level.GOOD]
    assert levels(list(make(smtp_port=free_port()).examine())) == [Level.WRONG]
    assert server.contents == 0


def test_a_mail_with_copies_goes_to_all_or_to_none(server: SmtpSimulator, make: Make) -> None:
    email = Email(["ana@example.com", "bo@example.com"], "x", cc="cy@example.com")
    message = Message(uuid4(), 1, email, EmailContent("Hello", "Good day", None))
    channel = make(smtp_connections=1)
    server.faults = [Fault("RCPT", contains="cy@", reply="550 5.1.1 <cy@example.com> no such user")]
    (refused,) = channel.send([message])
    assert isinstance(refused, Rejected)
    assert "cy" not in refused.reason
    assert server.mails == []
    server.faults = []
    assert isinstance(channel.send([message])[0], Accepted)
    assert [each.recipients for each in server.mails] == [("ana@example.com", "bo@example.com", "cy@example.com")]
