"""Tenants and configuration sets of single mails that SES refuses: their mails wait, all others go on."""

import threading
import time
from collections.abc import Callable

import structlog

from notifier.messages import Email
from notifier.outcomes import Accepted, Blocked, Outcome
from workers.channels.aws.refusals import Refused
from workers.channels.ses.outcomes import Result
from workers.channels.ses.refusals import MISSING, PAUSED, POOL, TENANT, TRACKING

log = structlog.get_logger(__name__)

_OF_A_SET = (MISSING, POOL, TRACKING)


class ParkedParts:
    """What is parked in this process. Thread-safe. After so many `seconds` one call tries a part again."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._parked: dict[str, tuple[float, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._parked)

    def held(self, email: Email) -> Outcome | None:
        """Return the outcome of a mail that may not be sent now; None if it may, perhaps to try its part again."""
        with self._lock:
            for part in _parts(email):
                until, reason = self._parked.get(part, (0.0, ""))
                if not until:
                    continue
                now = self._clock()
                if now < until:
                    return Blocked(reason, within=part)
                self._parked[part] = now + self._seconds, reason
        return None

    def apply(self, email: Email, result: Result) -> Result:
        """Return the result of a mail. If SES refused only a part of the account, park the part, and return a
        `Blocked` that names it in `within`.
        """
        if isinstance(result, Refused) and (part := _refused_part(email, result)):
            reason = result.outcome.reason
            with self._lock:
                new = part not in self._parked
                self._parked[part] = self._clock() + self._seconds, reason
            if new:
                log.error("SES refuses a part of the account; only its mails wait", part=part, reason=reason)
            return Blocked(reason, within=part)
        if self._parked and isinstance(result, Accepted):
            with self._lock:
                for part in _parts(email):
                    if self._parked.pop(part, None):
                        log.warning("SES takes mails again", part=part)
        return result


def _parts(email: Email) -> list[str]:
    found = [f"tenant {email.tenant}"] if email.tenant else []
    return [*found, f"configuration set {email.configuration_set}"] if email.configuration_set else found


def _refused_part(email: Email, refused: Refused) -> str | None:
    """Return the part of the account that SES refuses, None if it is not one of this mail alone."""
    refusal = refused.refusal
    if email.tenant and refusal is TENANT:
        return f"tenant {email.tenant}"
    paused = refusal is PAUSED and "configuration" in refused.reason.lower()
    if email.configuration_set and (paused or refusal in _OF_A_SET):
        return f"configuration set {email.configuration_set}"
    return None
