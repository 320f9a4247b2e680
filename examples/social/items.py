"""Items of the table `activity`, as the application of the social network writes them."""

from itertools import count
from typing import Any

_numbers = count(1)


def friend_request(from_name: str, name: str = "Ana", **more: Any) -> dict[str, Any]:
    return _item("friend_request", name, from_name=from_name, from_id=7, **more)


def comment(author: str, text: str, name: str = "Ana") -> dict[str, Any]:
    return _item("comment", name, author=author, author_id=author.lower(), text=text, mentions={name.lower()})


def profile_view(viewer: str, name: str = "Ana") -> dict[str, Any]:
    return _item("profile_view", name, viewer=viewer)


def _item(kind: str, name: str, **more: Any) -> dict[str, Any]:
    user = name.lower()
    keys = {"pk": f"user#{user}", "sk": f"{kind}#{next(_numbers)}"}
    return {**keys, "type": kind, "user_id": user, "name": name, "email": f"{user}@example.com", **more}
