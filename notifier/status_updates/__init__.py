"""Status updates: what becomes of a notification is told to the product that caused it (docs/status-updates.md)."""

from notifier.status_updates.document import StatusUpdate, document, update_id
from notifier.status_updates.kinds import UPDATES, names_of, wanted_of

__all__ = ["UPDATES", "StatusUpdate", "document", "names_of", "update_id", "wanted_of"]
