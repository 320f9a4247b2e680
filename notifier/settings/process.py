"""The settings of bridges and workers: environment variables with the prefix NOTIFIER_, beside the AWS SDK's own."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AwareDatetime, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode

from notifier.settings.channels import ChatSettings, MailSettings, PushSettings, SmsSettings, SmtpSettings
from notifier.settings.database import DatabaseSettings
from notifier.settings.log import LogSettings
from notifier.settings.rate_limits import RateLimitSettings
from notifier.settings.recipients import RecipientSettings
from notifier.settings.restrictions import RestrictionSettings
from notifier.settings.routing import RoutingSettings
from notifier.settings.unsubscribe import UnsubscribeSettings
from notifier.settings.url import without_secret
from notifier.settings.variables import QUOTED
from notifier.status_updates import wanted_of

NEW_SIGNING_SECRET = "echo whsec_$(openssl rand -base64 32)"  # noqa: S105  no password
"""The command that makes a secret for NOTIFIER_WEBHOOK_SECRET or NOTIFIER_STATUS_SECRET."""

AwsService = Literal["dynamodb", "s3", "ses", "sqs", "sns", "sms", "events"]


class Settings(
    ChatSettings,
    LogSettings,
    MailSettings,
    PushSettings,
    RateLimitSettings,
    RecipientSettings,
    RestrictionSettings,
    RoutingSettings,
    SmsSettings,
    SmtpSettings,
    UnsubscribeSettings,
    DatabaseSettings,
):
    """All settings: what a bridge and a worker need."""

    allow_nondurable_database: bool = Field(
        default=False,
        description="true allows a Postgres that may lose commits in a crash (fsync=off): for tests, or if its "
        "storage keeps commits without it",
    )
    broker_url: SecretStr = Field(
        description="Redis, as redis://:password@host:6379/0, rediss:// for TLS, unix:///path?db=0 for a socket, or "
        "sentinel://:password@one,two/0?master_name=NAME; for bridge and worker: docs/redis.md"
    )
    tables: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="DynamoDB tables whose streams are read, separated by commas"
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
        "SES throttles bulk requests. Where SES refuses bulk requests alone, as without the right ses:SendBulkEmail, "
        "bulk and auto send single ones for five minutes, and then try again",
    )
    feedback_queue_url: str = Field(
        default="", description="SQS queue with the events of that configuration set; for `notifier feedback`"
    )
    feedback_topic_arn: str = Field(
        default="",
        description="SNS topic: only messages that it has signed are accepted; without it the queue must get "
        "raw messages",
    )
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="Signs webhooks, as whsec_BASE64; several, separated by commas, while you rotate them",
    )
    webhook_allow_private: bool = Field(
        default=False, description="true lets webhooks go to private addresses, and over plain http"
    )
    webhook_per_host: int = Field(
        default=16, ge=1, le=64, description="Webhooks in progress to one host and port at once, from one worker"
    )
    status_updates: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Statuses of which the product gets an update, for routes that do not say so themselves, as "
        "failed,bounced: docs/status-updates.md",
    )
    status_destinations: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Where `notifier status-sender` sends updates, separated by commas: the ARN of an event bus of "
        "EventBridge, of an SNS topic or of an SQS queue, or the https:// URL of a webhook",
    )
    status_secret: SecretStr | None = Field(
        default=None,
        description="Signs updates that go to a webhook, as whsec_BASE64; several, separated by commas, while you "
        "rotate them",
    )
    status_personal_data: bool = Field(
        default=False, description="true: updates contain the recipient, and reasons as the provider wrote them"
    )
    aws_region: str = Field(
        default="", pattern="^[a-z0-9-]*$", description="Region; default: the AWS SDK's own settings"
    )
    aws_endpoint_url: str = Field(default="", description="Endpoint of all AWS services, for emulators")
    aws_dynamodb_endpoint_url: str = Field(default="", description="Endpoint of DynamoDB and its streams")
    aws_s3_endpoint_url: str = Field(default="", description="Endpoint of S3, which attachments are read from")
    aws_ses_endpoint_url: str = Field(default="", description="Endpoint of SES")
    aws_sqs_endpoint_url: str = Field(default="", description="Endpoint of SQS")
    aws_sns_endpoint_url: str = Field(default="", description="Endpoint of SNS")
    aws_sms_endpoint_url: str = Field(default="", description="Endpoint of AWS End User Messaging")
    aws_events_endpoint_url: str = Field(default="", description="Endpoint of EventBridge")
    queue_high_water: int = Field(
        default=20_000,
        ge=1,
        description="Messages of a queue (a channel, or one of its lanes) above which further ones wait in Postgres",
    )
    outbox_high_water: int = Field(
        default=1_000_000,
        ge=1,
        description="Deliveries of a queue (a channel, or one of its lanes) that may wait in the outbox; above that, "
        "shards with events for this queue are not read further",
    )
    not_before: AwareDatetime | None = Field(
        default=None, description="Records created before this time make no notification, as 2026-01-31T00:00:00Z"
    )
    send_lease_seconds: float = Field(
        default=60.0, gt=0, description="How long an attempt may take before its outcome counts as unknown"
    )
    unknown_after_seconds: float = Field(
        default=300.0,
        gt=0,
        validate_default=True,
        description="How long the provider's events may take to settle an unknown outcome, before `on_unknown`; at "
        "least NOTIFIER_SEND_LEASE_SECONDS",
    )
    probe_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How long a parked channel waits before one message tests whether it works again",
    )
    rates: Annotated[dict[str, float], NoDecode] = Field(
        default={},
        description="Recipients a second of channels, as email=50,sms=10; otherwise 90 % of what the provider allows",
    )
    shard_lease_seconds: float = Field(
        default=15.0, gt=1, description="How long a bridge that does not renew its leases keeps its shards"
    )
    visibility_seconds: int = Field(
        default=120,
        gt=0,
        le=43_200,
        description="After this the broker, or SQS, gives messages that were not acknowledged to another process; a "
        "worker that lives keeps its own for ten times as long",
    )
    unit_size: int = Field(
        default=500, ge=1, le=5_000, description="Most notifications that a worker delivers together, under load"
    )
    build_losses: int = Field(
        default=3,
        ge=2,
        le=100,
        description="A notification fails after its build has killed this many processes: first its "
        "worker, then processes of its own",
    )
    event_sample: int = Field(
        default=25,
        ge=0,
        description="Tasks a second that a worker reports to Flower. Above this rate only a sample is sent; failures "
        "and retries are always sent",
    )
    look_again_seconds: float = Field(
        default=30.0,
        gt=0,
        description="How long a published message may be unfinished before the bridge checks whether the "
        "broker lost it",
    )
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=65_535,
        description="Port on which a process serves /metrics for Prometheus, /healthz and /readyz; 0: none",
    )
    metrics_address: str = Field(default="127.0.0.1", description="Address of that port; 0.0.0.0 in a container")
    trace_attribute: str = Field(
        default="",
        pattern="^[A-Za-z0-9_.-]{0,255}$",
        description="Attribute of items with a W3C traceparent: Notifier adds spans to that trace, exported to "
        "OTEL_EXPORTER_OTLP_ENDPOINT: docs/tracing.md. Empty: nothing is traced",
    )
    transport: Literal["fast", "stock"] = Field(
        default="fast", description="How workers read from Redis: fast, in batches of messages, or stock, kombu's own"
    )

    @field_validator("aws_endpoint_url", *(f"aws_{service}_endpoint_url" for service in get_args(AwsService)))
    @classmethod
    def _is_an_endpoint(cls, value: str) -> str:
        """Refuse a URL with a user or password: the SDK repeats it in its errors, and does not use it to sign."""
        return without_secret(value) if value else value

    @field_validator("feedback_queue_url")
    @classmethod
    def _is_a_queue(cls, value: str) -> str:
        return without_secret(value) if "://" in value else value  # FeedbackQueue reports what is no URL

    @field_validator("tables", "status_updates", "status_destinations", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("status_updates")
    @classmethod
    def _are_statuses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        wanted_of(value)
        return value

    @field_validator("unknown_after_seconds")
    @classmethod
    def _is_a_lease_or_longer(cls, value: float, info: ValidationInfo) -> float:
        """A worker that stands still for a lease may still make its request when the policy of the route applies."""
        lease = info.data.get("send_lease_seconds", 0.0)
        if value < lease:
            raise ValueError(f"it must be at least NOTIFIER_SEND_LEASE_SECONDS, which is {lease:g}")
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
        """Return the URL of an AWS service if one is set, None for AWS's own."""
        own: str = getattr(self, f"aws_{service}_endpoint_url")
        return own or self.aws_endpoint_url or None


def default(name: str) -> Any:
    """Return the default of a setting, for a function whose argument has the same default.

    Example:
        def look(seconds: float = default("probe_seconds")) -> None: ...
    """
    return Settings.model_fields[name].default
