"""`python -m examples.social`: an evening in the social network."""

from datetime import UTC, datetime, timedelta

from examples.social.items import comment, friend_request, profile_view
from examples.story import Story, run


def tell(story: Story) -> None:
    story.at(datetime(2027, 1, 4, 18, tzinfo=UTC))
    story.change("Bo asks Ana to connect", friend_request("Bo"))
    story.change("Chidi asks Jonas, who reads German", friend_request("Chidi", name="Jonas", locale="de"))
    story.change("Mei mentions Ana in a comment", comment("Mei", "Ana, see you on Friday?"))
    story.change("Ana mentions herself", comment("Ana", "Ana was here"))
    for viewer in ("Elif", "Femi", "Grace"):
        story.change(f"{viewer} looks at Ana's profile", profile_view(viewer))
    story.later(timedelta(hours=2), "two hours later")


if __name__ == "__main__":
    run("examples.social.notifications", tell)
