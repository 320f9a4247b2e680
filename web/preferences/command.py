"""`notifier preferences`: serves the pages of recipients until SIGTERM or SIGINT."""

from notifier.errors import SettingsError


def preferences() -> None:
    """Serve the pages on which recipients unsubscribe and choose topics, and the answer to one-click unsubscribe.

    It must be reachable from the internet by https, at NOTIFIER_UNSUBSCRIBE_URL.
    """
    try:
        from web.preferences.server import serve
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the preferences pages need the package {error.name}: pip install 'dynamodb-notifier[preferences]'"
        ) from None
    serve()
