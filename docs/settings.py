"""Generates the page of settings, by what they are for. `make docs` writes it."""

from fnmatch import fnmatch

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from notifier.settings import ConsoleSettings, PreferencesSettings, RoleSettings, Settings

_HEAD = """\
# Settings

All settings, as environment variables. Those of the AWS SDK (`AWS_REGION`, ...) work as usual. A bridge needs four:
`NOTIFIER_DATABASE_URL`, `NOTIFIER_BROKER_URL`, `NOTIFIER_TABLES` and `NOTIFIER_ROUTES`; a worker all of these but the
tables, and a worker of mails `NOTIFIER_SENDER`. The others have defaults, or belong to a channel or feature that you
may use. `notifier feedback` and `notifier status-sender` want a `NOTIFIER_BROKER_URL` that they do not use:
`redis://needs-none`. A process ignores the settings that only another one reads.
This page is generated: `make docs`."""
_TABLE = ("| variable | default | meaning |", "|---|---|---|")
_SECTIONS = {
    "Servers": ("database_url", "allow_nondurable_database", "broker_url", "transport", "actor"),
    "Events": ("tables", "not_before", "shard_lease_seconds", "trace_attribute"),
    "Routes and templates": ("routes", "templates", "event_sample", "attachment_memory_mb"),
    "Trying out: what is built and not sent": ("shadow*", "only_to", "redirect_to"),
    "Email through Amazon SES": ("sender", "ses_*", "feedback_*", "bounce_rate_limit", "complaint_rate_limit"),
    "Email through SMTP": ("smtp_*",),
    "SMS": ("sms_*",),
    "Push": ("fcm_*", "apns_*", "webpush_*"),
    "Webhooks and chat": ("webhook_*", "chat_*"),
    "Unsubscribing and erasing": ("unsubscribe_*", "erasure_keys"),
    "Status updates to other systems": ("status_*",),
    "Amazon Web Services": ("aws_*",),
    "Speed and patience": (
        "rates",
        "unit_size",
        "build_losses",
        "send_lease_seconds",
        "unknown_after_seconds",
        "probe_seconds",
        "look_again_seconds",
        "visibility_seconds",
        "queue_high_water",
        "outbox_high_water",
    ),
    "Log, metrics and health": ("log_*", "metrics_*", "heartbeat_folder"),
    "Retention": ("keep_days",),
    "`notifier console`": ("console_*",),
    "`notifier preferences`": ("preferences_*", "topics"),
}
"""What stands under each heading: names, with * for any characters."""
_ROLES = "`notifier migrate --roles`"


def settings_page() -> str:
    """Return the page. Raise ValueError unless each setting stands under exactly one heading."""
    fields = _fields(Settings, ConsoleSettings, PreferencesSettings)
    placed = [(title, name) for name in fields for title in _titles(name)]
    if [name for _, name in placed] != list(fields):
        twice_or_never = [name for name in fields if len(_titles(name)) != 1]
        raise ValueError(f"docs/settings.py: place each setting under one heading: {', '.join(twice_or_never)}")
    lines = [_HEAD]
    for title in _SECTIONS:
        lines += ["", f"## {title}", "", *_TABLE]
        lines += [_row(name, fields[name]) for section, name in placed if section == title]
    lines += ["", f"## {_ROLES}", "", "A role whose password is set may log in.", "", *_TABLE]
    lines += [_row(name, field) for name, field in _fields(RoleSettings).items()]
    return "\n".join(lines) + "\n"


def _fields(*settings: type[BaseSettings]) -> dict[str, FieldInfo]:
    return {name: field for each in settings for name, field in each.model_fields.items()}


def _titles(name: str) -> list[str]:
    return [title for title, names in _SECTIONS.items() if any(fnmatch(name, each) for each in names)]


def _row(name: str, field: FieldInfo) -> str:
    default = "**required**" if field.default is PydanticUndefined else _shown(field.default)
    return f"| `NOTIFIER_{name.upper()}` | {default} | {field.description} |"


def _shown(default: object) -> str:
    return "" if str(default) in ("", "()", "None") else f"`{default}`"
