"""`python -m sandbox.embedded.ministack_with_streams`: ministack, with streams in the state that it keeps.

By itself ministack keeps tables, items and queues, and forgets the records of the streams. A bridge continues after
the record that it read last. If the stream does not have that one any more, the bridge reports a gap, at each start.
"""

import copy
from typing import Any

from ministack.app import main
from ministack.services import dynamodb

_STREAMS = ("_stream_records", "_stream_trimmed", "_closed_streams")
"""Dictionaries of `ministack.services.dynamodb`: its releases before 1.6 have them."""


def keep_streams() -> None:
    """Add the streams to what ministack writes when it ends, and reads when it starts."""
    save, restore = dynamodb.get_state, dynamodb.load_persisted_state

    def with_streams() -> dict[str, Any]:
        return {**save(), **{name: copy.deepcopy(getattr(dynamodb, name)) for name in _STREAMS}}

    def restored(state: dict[str, Any]) -> None:
        restore(state)
        for name in _STREAMS:
            getattr(dynamodb, name).update(state.get(name, {}))

    dynamodb.get_state, dynamodb.load_persisted_state = with_streams, restored


if __name__ == "__main__":
    keep_streams()
    main()
