"""Somebody who is signed in to the console."""

from dataclasses import dataclass

from httpx import Client, Response

from web.console.access.sessions import Session


@dataclass(frozen=True)
class Person:
    client: Client
    session: Session

    def get(self, path: str, **headers: str) -> Response:
        return self.client.get(path, headers=headers)

    def post(self, path: str, /, **fields: str) -> Response:
        """Send a form of the session."""
        return self.client.post(path, data={"csrf": self.session.csrf, **fields})

    def flashes(self) -> list[str]:
        """What the next page would say of the last action."""
        return [flash.text for flash in self.session.take_flashes()]


def cookie_of(answer: Response, name: str) -> str:
    """Return the line that sets this cookie."""
    (line,) = (each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{name}="))
    return line
