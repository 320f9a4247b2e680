"""`python -m sandbox.embedded.ministack_with_streams`: ministack, with streams in the state that it keeps.

By itself ministack keeps tables, items and queues, and forgets the records of the streams. A bridge continues after
the record that it read last. If the stream does not have that one any more, the bridge reports a gap, at each start.
And it writes its state only when it ends in order, which SIGKILL does not let it do: here it writes tables, items and
streams a moment after each change.
"""

import copy
import threading
import time
from typing import Any

from ministack.app import main
from ministack.core import persistence
from ministack.services import dynamodb

_STREAMS = ("_stream_records", "_stream_trimmed", "_closed_streams")
"""Dictionaries of `ministack.services.dynamodb`: its releases before 1.6 have them."""
_LOCK = threading.Lock()
_PAUSE_SECONDS = 0.2
_PAUSE_FACTOR = 20
"""Writing the state takes at most a twentieth of the time."""


def keep_streams() -> None:
    """Add the streams to what ministack writes when it ends, and reads when it starts."""
    save, restore = dynamodb.get_state, dynamodb.load_persisted_state

    def with_streams() -> dict[str, Any]:
        with _LOCK:
            return {**save(), **{name: copy.deepcopy(getattr(dynamodb, name)) for name in _STREAMS}}

    def restored(state: dict[str, Any]) -> None:
        with _LOCK:
            restore(state)
            for name in _STREAMS:
                getattr(dynamodb, name).update(state.get(name, {}))

    dynamodb.get_state, dynamodb.load_persisted_state = with_streams, restored


def save_often(saved: tuple[int, int]) -> None:
    """Write tables and streams after each change, without end. `saved`: the `_version` that need not be written."""
    pause = _PAUSE_SECONDS
    while True:
        time.sleep(pause)
        began, now = time.monotonic(), _version()
        if now == saved:
            continue
        try:
            state = dynamodb.get_state()
        except RuntimeError:  # a dictionary changed while it was copied
            continue
        persistence.save_state("dynamodb", state)
        saved, pause = now, max(_PAUSE_SECONDS, _PAUSE_FACTOR * (time.monotonic() - began))


def _version() -> tuple[int, int]:
    """Return what differs after each change: the number of records and of tables."""
    return dynamodb._stream_seq_counter, len(list(dynamodb._tables.all_items()))  # noqa: SLF001


def save_one_at_a_time() -> None:
    """Let no two threads write a state at once: they use the same temporary file."""
    save = persistence.save_state

    def locked(service: str, data: dict[str, Any]) -> None:
        with _LOCK:
            save(service, data)

    persistence.save_state = locked


if __name__ == "__main__":
    keep_streams()
    save_one_at_a_time()
    # From the empty version on: before the old state is read, nothing may be written.
    threading.Thread(target=save_often, args=(_version(),), daemon=True).start()
    main()
