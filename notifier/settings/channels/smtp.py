"""Settings of the channel `smtp`."""

from typing import Literal

from pydantic import Field, SecretStr

from notifier.settings.variables import QUOTED, Variables


class SmtpSettings(Variables):
    """The SMTP server to which the channel `smtp` hands its mails."""

    smtp_host: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9.:_-]*$",
        description="SMTP server of the channel `smtp`: a name or an address",
    )
    smtp_port: int | None = Field(
        default=None, ge=1, le=65_535, description="Its port; without it 587 for starttls, 465 for tls, 25 for none"
    )
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="starttls: TLS after a greeting, and nothing without it; tls: from the first byte; none: no TLS",
    )
    smtp_user: str = Field(default="", description="Login of the SMTP server; empty: no login")
    smtp_password: SecretStr | None = Field(
        default=None, description="Password of that login", json_schema_extra=QUOTED
    )
    smtp_return_path: str = Field(
        default="", description="Address that gets bounces of the channel `smtp`; empty: the sender of each mail"
    )
    smtp_connections: int = Field(
        default=10, ge=1, le=100, description="Connections of one worker to the SMTP server at the same time"
    )
    smtp_mails_per_connection: int = Field(
        default=100, ge=1, description="Mails after which a connection to the SMTP server is replaced by a new one"
    )
