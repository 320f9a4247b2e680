"""All settings: environment variables with the prefix NOTIFIER_, beside the AWS SDK's own."""

import re
from functools import cache
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from notifier.errors import SettingsError

AwsService = Literal["dynamodb", "ses", "sqs", "sns"]
_PORT = re.compile(r"[\w+]+://(?:[^:/@]*(?::[^@]*)?@)?+(?:\[[^/?]*\]|[^:/?]*):([^/?]*)")


class DatabaseSettings(BaseSettings):
    """What a command needs that only looks into the database."""

    model_config = SettingsConfigDict(env_prefix="NOTIFIER_", env_ignore_empty=True, extra="ignore")

    database_url: SecretStr = Field(description="Postgres, as postgresql://user:password@host:5432/database")

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("must start with postgresql://")
        if (port := _PORT.match(url)) and port[1].strip("0123456789"):
            raise ValueError("the port is not a number")
        return value


class Settings(DatabaseSettings):
    """What a bridge and a worker need."""

    broker_url: SecretStr = Field(description="Redis, as redis://:password@host:6379/0; for bridge and worker")
    tables: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="DynamoDB tables whose streams are read, separated by commas"
    )
    routes: str = Field(default="", description="Python module with your routes, as package.module")
    templates: str = Field(
        default="", description="Folder with your templates; default: `templates` beside the routes module"
    )
    sender: str = Field(default="", description="From address of emails that name none")
    ses_configuration_set: str = Field(
        default="", description="SES configuration set whose events settle unknown outcomes"
    )
    aws_region: str = Field(default="", description="Region; default: the AWS SDK's own settings")
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
        description="Deliveries waiting in the outbox above which reading slows down",
    )
    not_before: AwareDatetime | None = Field(
        default=None, description="Records created before this time notify nobody, as 2026-01-31T00:00:00Z"
    )
    send_lease_seconds: float = Field(
        default=60.0, gt=0, description="How long an attempt may take before its outcome counts as unknown"
    )
    shard_lease_seconds: float = Field(default=15.0, gt=1, description="How long a silent bridge keeps its shards")
    visibility_seconds: int = Field(
        default=120, gt=0, description="After this the broker gives a silent worker's messages to another one"
    )
    look_again_seconds: float = Field(
        default=30.0, gt=0, description="How long published messages are left alone before lost ones are looked for"
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65_535, description="Port on which a bridge serves /metrics for Prometheus; 0: none"
    )
    metrics_address: str = Field(
        default="127.0.0.1", description="Address on which it listens; 0.0.0.0 where Prometheus is elsewhere"
    )
    log_format: Literal["console", "json"] = Field(default="console", description="console or json")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level")

    @field_validator("tables", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    def endpoint(self, service: AwsService) -> str | None:
        """The address of an AWS service, None for AWS itself."""
        own: str = getattr(self, f"aws_{service}_endpoint_url")
        return own or self.aws_endpoint_url or None


SettingsT = TypeVar("SettingsT", bound=DatabaseSettings)


@cache
def load_settings() -> Settings:
    """The settings of this process. Raises SettingsError that names each variable at fault."""
    return _load(Settings)


@cache
def load_database_settings() -> DatabaseSettings:
    """The part of the settings that names the database; nothing else is demanded. Raises SettingsError."""
    return _load(DatabaseSettings)


def _load(kind: type[SettingsT]) -> SettingsT:
    try:
        return kind()
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        name = str(fault["loc"][0]) if fault["loc"] else "?"
        field = Settings.model_fields.get(name)
        hint = f" ({field.description})" if field and field.description else ""
        problem = "is not set" if fault["type"] == "missing" else f"is wrong: {fault['msg']}"
        lines.append(f"NOTIFIER_{name.upper()} {problem}{hint}")
    return "; ".join(lines)
