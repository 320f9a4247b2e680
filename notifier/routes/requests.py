"""What a route returned: whether its channel can send it, and to whom."""

from collections.abc import Sequence

from notifier.channels import Channel
from notifier.errors import RoutesError
from notifier.mail import checked_files
from notifier.messages import Copies, Email, has_copies
from notifier.routes.route import Route


def check_request(route: Route, channel: Channel, request: object) -> None:
    """Raise RoutesError if the route returned what its channel does not send, a recipient that is no text, or
    attachments that are no list.
    """
    wanted = channel.request_type
    if not isinstance(request, wanted):
        found = type(request).__name__
        raise RoutesError(f"the route {route.name!r} returned {found}, its channel sends {wanted.__name__}")
    to = getattr(request, "to", None)
    if isinstance(request, Email):
        if request.attachments:
            checked_files(request.attachments)
        if isinstance(to, (str, Sequence)) and has_copies(request):
            _check_copies(route, request)
            return
    if not isinstance(to, str):
        raise RoutesError(f"the route {route.name!r} gave {type(to).__name__} as recipient, not text")


def _check_copies(route: Route, email: Email) -> None:
    try:
        Copies.of(email)
    except (TypeError, ValueError):
        raise RoutesError(
            f"the route {route.name!r} gave recipients that are no texts: `to`, `cc` and `bcc` are an address or "
            "a list of addresses, and `to` has one at least"
        ) from None
