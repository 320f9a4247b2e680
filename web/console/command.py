"""`notifier console`: serves the console until SIGTERM or SIGINT."""

from notifier.errors import SettingsError


def console() -> None:
    """Serve the operators' console: what waits, what failed, and what to do about it, in a browser.

    Without configured access it listens on loopback only.
    """
    try:
        from web.console.server import serve
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the console needs the package {error.name}: pip install 'dynamodb-notifier[console]'"
        ) from None
    serve()
