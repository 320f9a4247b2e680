"""The sender, configuration set and tenant of the mails of a route. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The sender of the mails of a route, unless a mail names its own: `@route(identity=Identity(...))`.

        @route(table="orders", channel="email", identity=Identity("Blue <hello@blue.example>", tenant="blue"))

    A `sender` or `configuration_set` of None is that of the settings.
    """

    sender: str | None = None
    """Replaces `NOTIFIER_SENDER`."""
    configuration_set: str | None = None
    """Replaces `NOTIFIER_SES_CONFIGURATION_SET`, on the channel `email`."""
    tenant: str | None = None
    """The tenant of SES, on the channel `email`."""
