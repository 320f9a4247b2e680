"""Routes: which events become a notification, and what it says. `@route` is what users write."""

from notifier.routes.declarations import routes_of
from notifier.routes.digest import Digest
from notifier.routes.route import Build, Route, route
from notifier.routes.routes import Routes

__all__ = ["Build", "Digest", "Route", "Routes", "route", "routes_of"]
