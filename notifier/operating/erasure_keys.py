"""The keys by which people who were erased are still known."""

from notifier.outbox import ErasureKeys
from notifier.settings import RecipientSettings, read_settings


def erasure_keys() -> ErasureKeys:
    """Return the keys of NOTIFIER_ERASURE_KEYS, none if it is not set. Raise SettingsError."""
    return ErasureKeys.of(read_settings(RecipientSettings))
