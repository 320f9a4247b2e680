"""The routes of both tables."""

from tests.bridge.orders import order_placed
from tests.bridge.routes import friend_request

__all__ = ["friend_request", "order_placed"]
