"""Settings of commands that read the database, and the passwords of its logins."""

from typing import Any

from pydantic import Field, SecretStr, field_validator

from notifier.settings.url import POSTGRES, Url
from notifier.settings.variables import QUOTED, Variables


class HealthSettings(Variables):
    """What `notifier health` needs: it asks no database."""

    heartbeat_folder: str = Field(
        default="",
        description="Folder of the files that `notifier health` reads; default: the system's folder for temporary "
        "files. A second process of a kind on one machine needs its own",
    )


class DatabaseSettings(HealthSettings):
    """What a command needs that reads the database and starts no process."""

    database_url: SecretStr = Field(
        description="Postgres, as postgresql://user:password@host:5432/database?sslmode=verify-full; of several "
        "hosts, separated by commas, the one that takes writes is used: docs/postgres.md"
    )
    keep_days: int = Field(
        default=90,
        ge=0,
        description="Whole days before today that are kept; older ones are dropped once all of their deliveries are "
        "final. 0: all; otherwise 3 at least",
    )
    actor: str = Field(
        default="",
        description="Name of the operator in `notifier operations`; default: the login name and the host",
        json_schema_extra=QUOTED,
    )

    def is_set(self, name: str) -> bool:
        """Return whether this setting was given a value, also if that is the default."""
        return name in self.model_fields_set

    @field_validator("keep_days")
    @classmethod
    def _covers_the_stream(cls, value: int) -> int:
        """Refuse 1 and 2: a record of the last 24 hours may be read again, and its notification must be known."""
        if value in (1, 2):
            raise ValueError("must be 0, or 3 at least: the stream may bring records of the last 24 hours again")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        Url.of(value.get_secret_value(), POSTGRES)
        return value


def _password(process: str) -> Any:
    return Field(default=None, description=f"Of the login notifier_{process}", json_schema_extra=QUOTED)


class RoleSettings(Variables):
    """Passwords of the processes' logins in Postgres, which `notifier migrate --roles` sets there."""

    bridge_password: SecretStr | None = _password("bridge")
    console_password: SecretStr | None = _password("console")
    feedback_password: SecretStr | None = _password("feedback")
    operator_password: SecretStr | None = _password("operator")
    preferences_password: SecretStr | None = _password("preferences")
    scaler_password: SecretStr | None = _password("scaler")
    status_sender_password: SecretStr | None = _password("status_sender")
    worker_password: SecretStr | None = _password("worker")

    def passwords(self) -> dict[str, str]:
        """Return the passwords that are set, by the name of the login."""
        given = ((name.removesuffix("_password"), getattr(self, name)) for name in type(self).model_fields)
        return {f"notifier_{process}": secret.get_secret_value() for process, secret in given if secret}
