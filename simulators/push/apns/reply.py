"""What the simulator does with a request."""

from typing import NamedTuple

from simulators.push.apns.faults import Then


class Reply(NamedTuple):
    """`reason`: of a refusal. `quoted`: the request. `body`: instead of the one that APNs would send."""

    status: int
    reason: str
    quoted: str
    id: str
    then: Then | None
    body: bytes | None
