"""All settings: environment variables with the prefix NOTIFIER_, beside the AWS SDK's own."""

import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AwareDatetime, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode

from notifier.errors import SettingsError
from notifier.settings.url import Url, without_secret
from notifier.settings.variables import QUOTED, Variables, explained, unknown
from notifier.text import encodes

AwsService = Literal["dynamodb", "ses", "sqs", "sns"]
_POSTGRES = ("postgresql", "postgres", "postgresql+psycopg")
_OTHERS = ("NOTIFIER_ACTOR",)
"""Variables that are read where no settings are."""


class HealthSettings(Variables):
    """What `notifier health` needs."""

    heartbeat_folder: str = Field(
        default="",
        description="Folder of the files that tell `notifier health` of progress; default: that for temporary files. "
        "A second process of a kind on one machine needs its own",
    )


class DatabaseSettings(HealthSettings):
    """What a command needs that only looks into the database."""

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
        description="Who runs commands, as `notifier operations` names them; default: the login name and the host",
        json_schema_extra=QUOTED,
    )

    def says(self, name: str) -> bool:
        """Whether somebody gave this setting a value: it has not its default."""
        return name in self.model_fields_set

    @field_validator("keep_days")
    @classmethod
    def _covers_the_stream(cls, value: int) -> int:
        """What is dropped is not known any more, so a record that is read again must be younger: 24 hours at most."""
        if value in (1, 2):
            raise ValueError("must be 0, or 3 at least: the stream may bring records of the last 24 hours again")
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        Url.of(value.get_secret_value(), _POSTGRES)
        return value


def _password(process: str) -> Any:
    return Field(default=None, description=f"Of the login notifier_{process}", json_schema_extra=QUOTED)


class RoleSettings(Variables):
    """Passwords of the processes' logins in Postgres: who migrates the database sets them there."""

    bridge_password: SecretStr | None = _password("bridge")
    console_password: SecretStr | None = _password("console")
    feedback_password: SecretStr | None = _password("feedback")
    operator_password: SecretStr | None = _password("operator")
    worker_password: SecretStr | None = _password("worker")

    def passwords(self) -> dict[str, str]:
        """By role, those that are set."""
        given = ((name.removesuffix("_password"), getattr(self, name)) for name in type(self).model_fields)
        return {f"notifier_{process}": secret.get_secret_value() for process, secret in given if secret}


class RecipientSettings(Variables):
    """How recipients are spelled: for workers, and for commands that name one."""

    sms_region: str = Field(
        default="",
        pattern="^([A-Z]{2})?$",
        description="Country of phone numbers without a country code, as PT; without it such numbers are refused",
    )


class Settings(RecipientSettings, DatabaseSettings):
    """What a bridge and a worker need."""

    allow_nondurable_database: bool = Field(
        default=False,
        description="true runs on a Postgres that may forget commits in a crash (fsync=off): for tests, or where its "
        "storage keeps commits by itself",
    )
    broker_url: SecretStr = Field(
        description="Redis, as redis://:password@host:6379/0, rediss:// for TLS, unix:///path?db=0 for a socket, or "
        "sentinel://:password@one,two/0?master_name=NAME; for bridge and worker: docs/redis.md"
    )
    tables: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="DynamoDB tables whose streams are read, separated by commas"
    )
    routes: str = Field(default="", description="Python module with your routes, as package.module")
    templates: str = Field(
        default="", description="Folder with your templates; default: `templates` beside the routes module"
    )
    sender: str = Field(default="", description="From address of emails that name none", json_schema_extra=QUOTED)
    ses_configuration_set: str = Field(
        default="",
        pattern="^[A-Za-z0-9_-]{0,64}$",
        description="SES configuration set whose events settle unknown outcomes",
    )
    ses_mode: Literal["auto", "bulk", "single"] = Field(
        default="auto",
        description="bulk: up to 50 mails in a request to SES; single: one; auto: bulk, and single for a while where "
        "SES throttles bulk requests",
    )
    feedback_queue_url: str = Field(
        default="", description="SQS queue with the events of that configuration set; for `notifier feedback`"
    )
    feedback_topic_arn: str = Field(
        default="",
        description="SNS topic whose signed messages alone are believed; without it the queue must get raw messages",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="Signs webhooks, as whsec_BASE64; several, separated by commas, while one replaces another",
    )
    webhook_allow_private: bool = Field(
        default=False, description="true lets webhooks go to private addresses, and over plain http"
    )
    webhook_per_host: int = Field(
        default=16, ge=1, le=64, description="Webhooks under way to one host and port at once, from one worker"
    )
    sms_sender_id: str = Field(
        default="", pattern="^[A-Za-z0-9-]{0,11}$", description="Whom an SMS comes from, where the country shows it"
    )
    sms_type: Literal["Transactional", "Promotional"] = Field(
        default="Transactional", description="Transactional or Promotional: what SNS saves on, reliability or money"
    )
    sms_max_price: Decimal | None = Field(default=None, gt=0, description="US dollars that one SMS may cost at most")
    sms_per_second: float | None = Field(
        default=None, gt=0, description="SMS a second that AWS allows the account: SNS cannot be asked"
    )
    aws_region: str = Field(
        default="", pattern="^[a-z0-9-]*$", description="Region; default: the AWS SDK's own settings"
    )
    aws_endpoint_url: str = Field(default="", description="Endpoint of all AWS services, for emulators")
    aws_dynamodb_endpoint_url: str = Field(default="", description="Endpoint of DynamoDB and its streams")
    aws_ses_endpoint_url: str = Field(default="", description="Endpoint of SES")
    aws_sqs_endpoint_url: str = Field(default="", description="Endpoint of SQS")
    aws_sns_endpoint_url: str = Field(default="", description="Endpoint of SNS")
    queue_high_water: int = Field(
        default=20_000, ge=1, description="Messages in the broker above which rows wait in Postgres instead"
    )
    outbox_high_water: int = Field(
        default=1_000_000,
        ge=1,
        description="Deliveries of one channel that may wait in the outbox; shards with more of them are not read on",
    )
    not_before: AwareDatetime | None = Field(
        default=None, description="Records created before this time notify nobody, as 2026-01-31T00:00:00Z"
    )
    send_lease_seconds: float = Field(
        default=60.0, gt=0, description="How long an attempt may take before its outcome counts as unknown"
    )
    unknown_after_seconds: float = Field(
        default=300.0,
        gt=0,
        description="How long the provider's events may take to settle an unknown outcome, before `on_unknown`",
    )
    probe_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How long a parked channel waits before one message tries whether it works again",
    )
    rates: Annotated[dict[str, float], NoDecode] = Field(
        default={},
        description="Recipients a second of channels, as email=50,sms=10; otherwise 90 % of what the provider allows",
    )
    bounce_rate_limit: float = Field(
        default=0.04, gt=0, le=1, description="Share of hard bounces in 24 hours at which a channel is paused"
    )
    complaint_rate_limit: float = Field(
        default=0.0008, gt=0, le=1, description="Share of complaints in 24 hours at which a channel is paused"
    )
    shard_lease_seconds: float = Field(default=15.0, gt=1, description="How long a silent bridge keeps its shards")
    visibility_seconds: int = Field(
        default=120,
        gt=0,
        le=43_200,
        description="After this the broker, or SQS, gives a silent process's messages to another one",
    )
    unit_size: int = Field(
        default=500, ge=1, le=5_000, description="Notifications that a worker delivers together at most, under load"
    )
    build_losses: int = Field(
        default=3,
        ge=2,
        le=100,
        description="A notification fails whose build killed its worker, and then processes of its own, so often",
    )
    event_sample: int = Field(
        default=25,
        ge=0,
        description="Tasks a second that a worker shows to Flower; of more a sample, failures and retries always",
    )
    look_again_seconds: float = Field(
        default=30.0, gt=0, description="How long published messages are left alone before lost ones are looked for"
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65_535,
        description="Port on which a bridge or a worker serves /metrics for Prometheus; 0: none",
    )
    metrics_address: str = Field(default="127.0.0.1", description="Address of that port; 0.0.0.0 in a container")
    transport: Literal["fast", "stock"] = Field(
        default="fast", description="How workers speak to Redis: fast, by the hundred messages, or stock kombu"
    )
    log_format: Literal["console", "json"] = Field(default="console", description="console or json")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level")

    @field_validator("aws_endpoint_url", *(f"aws_{service}_endpoint_url" for service in get_args(AwsService)))
    @classmethod
    def _is_an_endpoint(cls, value: str) -> str:
        """The SDK repeats these URLs in its errors, and signs its requests in another way."""
        return without_secret(value) if value else value

    @field_validator("feedback_queue_url")
    @classmethod
    def _is_a_queue(cls, value: str) -> str:
        return without_secret(value) if "://" in value else value  # what is no URL is told by who reads the queue

    @field_validator("tables", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("rates", mode="before")
    @classmethod
    def _split_rates(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.partition("=") for pair in value.split(",") if pair.strip()]
        return {name.strip(): rate.strip() for name, _, rate in pairs}

    @field_validator("rates")
    @classmethod
    def _are_above_zero(cls, value: dict[str, float]) -> dict[str, float]:
        if any(rate <= 0 for rate in value.values()):
            raise ValueError(
                "a rate must be above 0; to stop a channel there is `notifier pause CHANNEL --reason WHY`"
            )
        return value

    def endpoint(self, service: AwsService) -> str | None:
        """The address of an AWS service, None for AWS itself."""
        own: str = getattr(self, f"aws_{service}_endpoint_url")
        return own or self.aws_endpoint_url or None


SettingsT = TypeVar("SettingsT", bound=BaseSettings)


@cache
def load_settings() -> Settings:
    """The settings of this process. Raises SettingsError that names each variable at fault."""
    return read_settings(Settings)


@cache
def load_database_settings() -> DatabaseSettings:
    """The part of the settings that names the database; nothing else is demanded. Raises SettingsError."""
    return read_settings(DatabaseSettings)


@cache
def load_recipient_settings() -> RecipientSettings:
    """The part of the settings that says how recipients are spelled. Raises SettingsError."""
    return read_settings(RecipientSettings)


def read_settings(kind: type[SettingsT]) -> SettingsT:
    """Settings of that kind, a package's own too. Raises SettingsError that names each variable at fault."""
    prefix = kind.model_config["env_prefix"]
    if garbled := [name for name, value in os.environ.items() if name.startswith(prefix) and not encodes(value)]:
        raise SettingsError(f"{', '.join(garbled)}: not in UTF-8")
    try:
        return kind()
    except ValidationError as error:
        raise SettingsError(explained(error, kind)) from None


def unknown_variables(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """One line for each variable that begins as ours do and that nothing reads."""
    names = {name for kind in (Settings, RoleSettings) for name in kind.model_fields}
    for given, near in unknown(environment, (*(f"NOTIFIER_{name.upper()}" for name in names), *_OTHERS)):
        meant = f"did you mean {near}?" if near else "docs/settings.md lists all that are"
        yield f"{given} is not a setting and changes nothing: {meant}"
