"""What a route returned: whether its channel can send it, and to whom."""

from notifier.channels import Channel
from notifier.errors import RoutesError
from notifier.routes.route import Route


def check_request(route: Route, channel: Channel, request: object) -> None:
    """Raise RoutesError if the route returned what its channel does not send, or a recipient that is no text."""
    wanted = channel.request_type
    if not isinstance(request, wanted):
        found = type(request).__name__
        raise RoutesError(f"the route {route.name!r} returned {found}, its channel sends {wanted.__name__}")
    if not isinstance(to := getattr(request, "to", None), str):
        raise RoutesError(f"the route {route.name!r} gave {type(to).__name__} as recipient, not text")
