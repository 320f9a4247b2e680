"""Routes: which events become a notification, and what it says. `@route` is what users write."""

from notifier.routes.route import Build, Route, Routes, load_routes, route, routes_of

__all__ = ["Build", "Route", "Routes", "load_routes", "route", "routes_of"]
