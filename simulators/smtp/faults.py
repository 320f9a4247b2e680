"""What an SMTP server does wrong."""

from dataclasses import dataclass
from typing import Literal

At = Literal["CONNECT", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "CONTENT", "RSET"]
"""The command at which it happens; CONTENT is after the last dot of a mail."""


@dataclass(slots=True)
class Fault:
    """At the command `at` the server answers with `reply`, or does `then`.

    `then`: `refuse` answers; `accept_then_cut` and `accept_then_hang` keep the mail first; `cut` ends the connection.
    `times` is how often it happens, None for always. `contains` is a text in the command or the mail, empty for any.
    """

    at: At
    reply: str = "451 4.3.0 the fault plan says so"
    then: Literal["refuse", "cut", "accept_then_cut", "accept_then_hang"] = "refuse"
    times: int | None = None
    contains: str = ""

    def fires(self, at: str, text: str) -> bool:
        """Return whether it happens now, and count it."""
        if at != self.at or self.contains not in text or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True
