"""Settings and routes that keep messages from people: right for a trial, wrong once all people are to get them."""

from collections.abc import Iterator

from notifier.channels import channel_names, checked_address
from notifier.doctor.finding import Finding, doubtful, good, wrong
from notifier.doctor.routing import need_routes
from notifier.doctor.setup import Setup
from notifier.errors import UsageError
from notifier.process.restrictions import restrictions
from notifier.settings import Settings

_PAGE = "docs/adopting.md"


def check_restrictions(setup: Setup) -> Iterator[Finding]:
    """Find what is not sent, and addresses to which nothing could be redirected."""
    found = [*_targets(setup.settings)]
    settings = setup.settings
    if settings.redirect_to and (settings.shadow or settings.shadow_until or settings.shadow_from):
        found.append(
            doubtful(
                "with NOTIFIER_REDIRECT_TO, what is in shadow has the other recipient: a comparison finds no pairs",
                "take one of the two out: nothing of what is in shadow is sent",
                _PAGE,
            )
        )
    remedy = "take it out once all people are to get messages"
    found += [doubtful(each, remedy, _PAGE) for each in restrictions(setup.settings, need_routes(setup))]
    yield from found or [good("no setting and no route keeps messages from their recipients")]


def _targets(settings: Settings) -> Iterator[Finding]:
    installed = channel_names()
    for channel, target in settings.redirect_to.items():
        if channel not in installed:
            what = f"NOTIFIER_REDIRECT_TO names the channel {channel}, which is not installed"
            yield wrong(what, f"name one of {', '.join(installed)}", _PAGE)
            continue
        try:
            checked_address(channel, target)
        except UsageError as error:
            yield wrong(f"NOTIFIER_REDIRECT_TO: {error}", "give an address that the channel can send to", _PAGE)
