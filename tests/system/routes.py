"""The routes of both tables of the bridges in these tests."""

from examples.notifications import friend_request, job_application, profile_view
from tests.bridge.orders import order_placed

__all__ = ["friend_request", "job_application", "order_placed", "profile_view"]
