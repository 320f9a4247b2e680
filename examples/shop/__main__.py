"""`python -m examples.shop`: three orders, and a night between them."""

from datetime import UTC, datetime, timedelta

from examples.shop.items import order
from examples.story import Story, run
from notifier.testing import Behaviour


def tell(story: Story) -> None:
    story.at(datetime(2027, 1, 4, 21, tzinfo=UTC))
    story.change("Ana pays order 17", order("paid"))
    story.change("Order 17 leaves the warehouse", order("shipped"), old=order("paid"))
    story.later(timedelta(hours=2), "night begins")
    story.change("Order 18 leaves the warehouse", order("shipped", 18), old=order("paid", 18))
    story.pipeline.fail_next(Behaviour.REFUSE, channel="push")
    story.later(timedelta(hours=9), "the morning; Ana's telephone has a new token, so the push is refused")


if __name__ == "__main__":
    run("examples.shop.notifications", tell, zone="Europe/Lisbon")
