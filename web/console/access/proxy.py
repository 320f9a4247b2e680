"""A proxy in front of the console that says in headers who it is: NOTIFIER_CONSOLE_PROXY_ADDRESS, off by default."""

import ipaddress

from starlette.requests import Request

from notifier.settings import ConsoleSettings
from web.console.access.role import User, highest

SOURCE = "proxy"


class TrustedProxy:
    """Believes the headers of connections from one address, or from one network."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._from = ipaddress.ip_network(settings.console_proxy_address, strict=False)
        self._user = settings.console_proxy_user_header
        self._groups = settings.console_proxy_groups_header
        self._roles = settings.console_roles

    def user(self, request: Request) -> User | None:
        """Return who the proxy says it is. None if it says nothing, or nothing that gives a role."""
        if not self._is_proxy(request):
            return None
        names, groups = request.headers.getlist(self._user), request.headers.getlist(self._groups)
        if len(names) != 1 or not names[0].strip():  # two would mean that the proxy passes on what browsers send
            return None
        role = highest((each.strip() for line in groups for each in line.split(",")), self._roles)
        return User(names[0].strip()[:200], role, SOURCE) if role else None

    def _is_proxy(self, request: Request) -> bool:
        try:
            address = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        return address in self._from
