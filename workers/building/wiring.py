"""Makes the preparer of a channel from the settings: for workers, isolated builds and tests of users."""

from collections.abc import Callable

from notifier.channels import Channel
from notifier.outbox import Change, DueNotification
from notifier.routes import Routes
from notifier.settings import Settings
from notifier.templates import Templates
from notifier.unsubscribe import UnsubscribeLinks
from workers.building.attachments import AttachmentReader
from workers.building.preparer import Prepared, Preparer
from workers.building.recipients import Recipients


def preparer_of(
    name: str,
    channel: Channel,
    settings: Settings,
    routes: Routes,
    *,
    templates: Templates | None = None,
    attachments: Callable[[], AttachmentReader] | None = None,
    out_of_memory: Callable[[DueNotification], Prepared | Change] | None = None,
) -> Preparer:
    """Return the preparer of the channel of that name. Raise the NotifierError of a setting that is wrong.

    `templates` and `attachments`, which is called if messages of the channel may have files, replace those of the
    settings. `out_of_memory`: see `Preparer.when_out_of_memory`.
    """
    reader = None
    if AttachmentReader.serves(name):
        reader = attachments() if attachments else AttachmentReader(settings)
    return Preparer(
        channel,
        routes,
        templates or Templates.of(settings, routes.source),
        out_of_memory=out_of_memory,
        links=UnsubscribeLinks.of(settings),
        recipients=Recipients.of(settings, name),
        attachments=reader,
        name=name,
    )
