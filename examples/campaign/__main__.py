"""`python -m examples.campaign`: a campaign, a password reset in its midst, and a recipient who has had enough."""

from datetime import UTC, datetime, timedelta

from examples.campaign.items import offer, password_reset
from examples.story import Story, run

PEOPLE = ("Ana", "Bo", "Chidi")


def tell(story: Story) -> None:
    story.at(datetime(2027, 1, 4, 9, tzinfo=UTC))
    for product in ("lamps", "chairs", "tables"):
        for name in PEOPLE:
            story.change(f"an offer of {product} for {name}", offer(name, product), table="offers")
    ana = next(mail for mail in story.pipeline.mails if mail.to.startswith("ana"))
    story.pipeline.unsubscribe(ana)
    story.later(timedelta(days=1), "Ana has clicked on the link to unsubscribe; the next day")
    for name in PEOPLE:
        story.change(f"an offer of shelves for {name}", offer(name, "shelves"), table="offers")
    story.change("Ana forgot her password", password_reset("Ana"), table="logins")


if __name__ == "__main__":
    run("examples.campaign.notifications", tell)
