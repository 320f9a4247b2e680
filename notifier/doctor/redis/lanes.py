"""Whether a worker serves each queue that has messages."""

from collections.abc import Iterator

from notifier.doctor.finding import Finding, doubtful, good
from notifier.doctor.redis import broker, need_info
from notifier.doctor.routing import channels, need_routes
from notifier.doctor.setup import Setup
from notifier.lanes import parts_of, queues_of


def check_lanes(setup: Setup) -> Iterator[Finding]:
    """Find queues with messages of which no worker holds one: a worker that serves a queue holds some of them."""
    need_info(setup)
    need_routes(setup)
    client = setup.get(broker)
    waiting = {
        name: depth
        for channel in sorted(setup.get(channels))
        for name in queues_of(channel)
        if (depth := client.depth(name)) and not client.is_taken_from(name)
    }
    for name, depth in waiting.items():
        channel, lane = parts_of(name)
        yield doubtful(
            f"{depth:,} messages wait in the lane {lane} of {channel}, and no worker holds one of them",
            f"run a worker for it: notifier worker {channel}, or with --lane {lane}",
            "docs/lanes.md",
        )
    if not waiting:
        yield good("a worker serves each lane that has messages")
