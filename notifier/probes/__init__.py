"""What a process answers over HTTP: `/metrics`, `/healthz` and `/readyz`."""

from notifier.probes.asked import Asked
from notifier.probes.checks import Check, Probes, Verdict
from notifier.probes.server import serving
from notifier.probes.servers import asking, broker_question, database_question

__all__ = ["Asked", "Check", "Probes", "Verdict", "asking", "broker_question", "database_question", "serving"]
