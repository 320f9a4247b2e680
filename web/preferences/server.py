"""Makes the application from the settings, and serves it."""

from notifier.database.engine import connect
from notifier.database.schema import check_schema
from notifier.errors import SettingsError
from notifier.outbox import ErasureKeys, OptOuts
from notifier.settings import PreferencesSettings, read_settings
from notifier.telemetry import configure_logging, warn_of_unknown_variables
from notifier.unsubscribe import UnsubscribeLinks, read_topics
from web.preferences.app import POOL, Preferences, application
from web.serving.server import serve_until_stopped

_PATIENCE_SECONDS = 5
"""Seconds that a statement may take."""


def serve() -> None:
    """Serve until SIGTERM or SIGINT. Raise NotifierError if it cannot start."""
    settings = read_settings(PreferencesSettings)
    configure_logging(settings, process="preferences")
    warn_of_unknown_variables()
    preferences = preferences_of(settings)
    check_schema(preferences.engine)
    serve_until_stopped(
        application(preferences),
        name="preferences",
        address=settings.preferences_address,
        port=settings.preferences_port,
        url=settings.unsubscribe_url,
    )


def preferences_of(settings: PreferencesSettings) -> Preferences:
    """Return what the application needs. Raise SettingsError for settings that are missing or wrong."""
    links = UnsubscribeLinks.of(settings)
    if links is None:
        raise SettingsError(
            "NOTIFIER_UNSUBSCRIBE_URL and NOTIFIER_UNSUBSCRIBE_KEYS are not set: without them there are no links to "
            "answer (docs/unsubscribe.md)"
        )
    topics = read_topics(settings.topics)
    url = settings.database_url.get_secret_value()
    engine = connect(url, application="notifier preferences", pool_size=POOL, patience=_PATIENCE_SECONDS)
    opt_outs = OptOuts(
        engine,
        actor="preferences",
        topics=[topic.id for topic in topics],
        erasure_keys=ErasureKeys.of(settings),
    )
    secret = settings.preferences_secret
    return Preferences(
        engine, links, opt_outs, topics, settings.unsubscribe_url, secret.get_secret_value() if secret else ""
    )
