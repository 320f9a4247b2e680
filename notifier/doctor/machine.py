"""What can be seen of this machine: variables that are no settings, and the port of the metrics."""

from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from notifier.doctor.finding import Finding, doubtful, good, not_known, wrong
from notifier.doctor.setup import Setup
from notifier.settings import Settings, unknown_variables

_PAGE = "docs/settings.md"
_SECONDS = 3.0
_OURS = b"notifier_"
_EVERY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  asked, not bound
"""The address at which a process of this machine answers that listens on all."""


def check_settings(setup: Setup) -> Iterator[Finding]:
    """Find variables that are taken for settings and are none, and say which settings differ from the defaults."""
    unknown = unknown_variables()
    for line in unknown.values():
        what, _, remedy = line.partition(": ")
        yield doubtful(what, remedy, _PAGE)
    if not unknown:
        count = len(setup.settings.model_fields_set & set(Settings.model_fields))
        yield good(f"all NOTIFIER_ variables are settings; {count} are set")


def check_metrics(setup: Setup) -> Iterator[Finding]:
    """Find what answers on the port of the metrics."""
    port, address = setup.settings.metrics_port, setup.settings.metrics_address
    if not port:
        yield good("no metrics are served: NOTIFIER_METRICS_PORT is 0")
        return
    yield metrics(_answer(_EVERY.get(address, address), port), f"{address}:{port}")


def metrics(answer: tuple[int, bytes] | None, where: str) -> Finding:
    """Return whether what answers at the metrics' port is ours. None: nothing listens there."""
    if answer is None:
        return not_known(f"whether metrics are served: nothing listens on {where} of this machine now")
    status, body = answer
    if status == HTTPStatus.OK and _OURS in body:
        return good(f"metrics are served on {where}")
    return wrong(
        f"another program has the port of the metrics, {where}: bridges that serve them do not start",
        "take another port for NOTIFIER_METRICS_PORT",
        "docs/streams.md",
    )


def _answer(address: str, port: int) -> tuple[int, bytes] | None:
    """Return status and body of /metrics; status 0 for what does not speak HTTP, None if nothing listens."""
    connection = HTTPConnection(address, port, timeout=_SECONDS)
    try:
        connection.connect()
    except OSError:
        return None
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (HTTPException, OSError):
        return 0, b""
    finally:
        connection.close()
