"""Settings from arguments alone."""

from typing import Any

from notifier.settings import Settings


class GivenSettings(Settings):
    """Settings that ignore environment variables: those of the user's shell are for another system."""

    @classmethod
    def settings_customise_sources(cls, *_: Any, **sources: Any) -> tuple[Any, ...]:
        return (sources["init_settings"],)
