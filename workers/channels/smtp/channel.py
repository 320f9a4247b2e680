"""The channel `smtp`: one mail at a time over each connection to an SMTP server."""

import ssl
import time
from collections.abc import Iterator, Sequence
from typing import ClassVar

from notifier.channels import Capability
from notifier.doctor.finding import Finding, good, wrong
from notifier.errors import SettingsError
from notifier.messages import Copies, Email, EmailContent, Message
from notifier.outcomes import Accepted, NotSent, Offline, Outcome, Rejected, Unknown, discreet
from notifier.send_pool import SendPool
from notifier.settings import Settings
from notifier.settings.url import is_loopback
from notifier.templates import Templates
from workers.channels.attachments import check_attachments
from workers.channels.mailbox import checked_mailbox, envelope_address, mailbox_of, wire_address
from workers.channels.smtp.connection import Connection, Limits, Lost, NotConnected, Refused, Server
from workers.channels.smtp.connections import Connections
from workers.channels.smtp.mail import Mail, mail_of
from workers.channels.smtp.refused import RefusedRecipients
from workers.channels.smtp.replies import Stage, may_be_of_one_mail, meaning_of, reason_of

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_PAGE = "docs/smtp.md"


class SmtpChannel:
    """The channel `smtp`. Thread-safe; no connection and no thread before the first send."""

    capability: ClassVar[Capability] = Capability.NONE
    one_provider: ClassVar[bool] = True
    request_type: ClassVar[type] = Email

    def __init__(self, settings: Settings) -> None:
        self._sender = settings.sender
        self._return_path = _return_path(settings)
        self._server = server_of(settings)
        self._limits = Limits.of(settings.send_lease_seconds)
        self._connections = Connections(
            lambda: Connection(self._server, self._limits), settings.smtp_mails_per_connection
        )
        self._refused = RefusedRecipients()
        self._pool = SendPool("smtp", settings.send_lease_seconds, settings.smtp_connections)

    @staticmethod
    def check(settings: Settings) -> None:
        """Raise SettingsError if the server or the sender is missing."""
        if not settings.smtp_host:
            raise SettingsError("NOTIFIER_SMTP_HOST is not set: the SMTP server that takes the mails")
        if not settings.sender:
            raise SettingsError("NOTIFIER_SENDER is not set: the address that emails come from")
        try:
            wire_address(settings.sender)
        except ValueError as error:
            raise SettingsError(f"the address in NOTIFIER_SENDER {error}") from None
        _return_path(settings)
        server_of(settings)

    @staticmethod
    def address(to: str) -> str:
        return mailbox_of(to)

    @staticmethod
    def checked_address(to: str) -> str:
        return checked_mailbox(to)

    def rate(self) -> float | None:
        return None

    def render(self, request: Email, templates: Templates) -> EmailContent:
        if request.attachments:
            check_attachments(request)
        return templates.render(request.template, request.context, request.locale)

    def send(self, messages: Sequence[Message[Email, EmailContent]]) -> list[Outcome]:
        return self._pool.send(messages, self._send_one)

    def examine(self) -> Iterator[Finding]:
        """Yield for `notifier doctor` whether the server lets us in. Sends no mail."""
        where = f"the SMTP server {self._server.host}:{self._server.port}"
        try:
            Connection(self._server, self._limits).close()
        except Refused as refused:
            reason = reason_of(refused.stage, refused.reply, self._server.user, self._server.password)
            found = meaning_of(refused.stage, refused.reply).because(reason)
            yield wrong(f"{where} refuses: {found.reason}", "", _PAGE)
        except (Lost, NotConnected) as error:
            yield wrong(f"{where} does not answer: {discreet(str(error))}", "check host, port and network", _PAGE)
        else:
            how = "without TLS" if self._server.security == "none" else "with TLS"
            yield good(f"{where} answers {how}" + (" and takes the login" if self._server.user else ""))

    def close(self) -> None:
        self._pool.close()
        self._connections.close()

    def _send_one(self, message: Message[Email, EmailContent]) -> Outcome:
        try:
            mail = mail_of(message, self._sender, self._return_path, time.time())
        except (AttributeError, TypeError, ValueError) as error:
            return Rejected(str(error))
        given = Copies.of(message.request).all
        hidden = (*given, *mail.recipients, *map(mailbox_of, given))
        began = time.monotonic()
        try:
            self._deliver(mail)
        except Refused as refused:
            return self._outcome_of(refused, mail, hidden, own_sender=bool(message.request.sender))
        except NotConnected as error:
            return Offline(discreet(str(error)))
        except Lost as lost:
            reason = discreet(f"{lost} (at {lost.stage.value})", *hidden)
            if lost.stage in (Stage.CONNECT, Stage.LOGIN):  # no server behind a load balancer, for example
                return Offline(reason)
            return Unknown(reason) if lost.content_sent else NotSent(reason)
        self._refused.accepted(mail.recipients, began)
        return Accepted(mail.message_id)

    def _outcome_of(self, refused: Refused, mail: Mail, hidden: Sequence[str], *, own_sender: bool) -> Outcome:
        """Return the outcome of a mail that was refused: one recipient alone does not park the channel again."""
        meaning = meaning_of(refused.stage, refused.reply, own_sender=own_sender)
        if may_be_of_one_mail(meaning, refused.stage) and self._refused.alone(mail.recipients):
            meaning = meaning._replace(outcome=NotSent)
        return meaning.because(
            reason_of(refused.stage, refused.reply, *hidden, self._server.user, self._server.password)
        )

    def _deliver(self, mail: Mail) -> None:
        """Send the mail on an open connection, or on a new one if the server has just closed that.

        Raise what `Connection.send` raises. A mail whose first command got no answer was not sent. All connections
        together have the time of one, so that the mail does not leave after the lease of its attempt.
        """
        until = time.monotonic() + self._limits.all
        while True:
            connection, kept = self._connections.take()
            try:
                connection.send(mail, until)
            except (Lost, Refused) as error:
                closed = isinstance(error, Lost) or not connection.usable
                if kept and closed and error.stage is Stage.SENDER and time.monotonic() < until:
                    continue
                raise
            finally:
                self._connections.give_back(connection)
            return


def server_of(settings: Settings) -> Server:
    """Return the server of the settings. Raise SettingsError if they do not fit together."""
    security = settings.smtp_security
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
    if bool(settings.smtp_user) != bool(password):
        raise SettingsError("NOTIFIER_SMTP_USER and NOTIFIER_SMTP_PASSWORD belong together: set both or none")
    if not f"{settings.smtp_user}{password}".isascii():
        raise SettingsError("NOTIFIER_SMTP_USER and NOTIFIER_SMTP_PASSWORD may have letters of ASCII only")
    if password and security == "none" and not is_loopback(settings.smtp_host):
        raise SettingsError(
            "NOTIFIER_SMTP_SECURITY is none, which would send NOTIFIER_SMTP_PASSWORD in the clear: use starttls"
        )
    return Server(
        settings.smtp_host,
        settings.smtp_port or _PORTS[security],
        security,
        None if security == "none" else ssl.create_default_context(),
        settings.smtp_user,
        password,
    )


def _return_path(settings: Settings) -> str:
    if not settings.smtp_return_path:
        return ""
    try:
        return envelope_address(settings.smtp_return_path)
    except ValueError as error:
        raise SettingsError(f"the address in NOTIFIER_SMTP_RETURN_PATH {error}") from None
