"""Which routes send mails that need a link to unsubscribe."""

from collections.abc import Iterable

from notifier.channels import channel_class
from notifier.messages import Email
from notifier.routes import Route


def mails_about_a_topic(routes: Iterable[Route]) -> list[str]:
    """Return the names of the routes whose mails recipients can opt out of."""
    return [
        each.name
        for each in routes
        if each.has_opt_out and any(channel_class(channel).request_type is Email for channel in each.channels)
    ]
