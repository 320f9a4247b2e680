"""The metrics of all processes: names, help texts and labels. `make docs` writes docs/metrics.md from them."""

from notifier.metrics.family import Family, families_in
from notifier.metrics.names import bridge, database, feedback, process, status_sender, worker

__all__ = ["FAMILIES"]

FAMILIES: list[Family] = families_in((database, bridge, worker, feedback, status_sender, process))
