"""Status updates: the product learns the status of the notifications that it caused (docs/status-updates.md)."""

from notifier.status_updates.document import StatusUpdate, document, update_id
from notifier.status_updates.kinds import UPDATES, names_of, wanted_of

__all__ = ["UPDATES", "StatusUpdate", "document", "names_of", "update_id", "wanted_of"]
