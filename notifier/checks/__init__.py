"""What a process answers over HTTP: `/metrics`, `/healthz` and `/readyz`."""

from notifier.checks.asked import Asked
from notifier.checks.process_checks import Check, CheckResult, ProcessChecks
from notifier.checks.server import serving
from notifier.checks.servers import asking, broker_question, database_question

__all__ = [
    "Asked",
    "Check",
    "CheckResult",
    "ProcessChecks",
    "asking",
    "broker_question",
    "database_question",
    "serving",
]
