"""Settings that say where the routes and the templates are, for all processes that load them."""

from pydantic import Field

from notifier.settings.variables import Variables


class RoutingSettings(Variables):
    """The routes and their templates."""

    routes: str = Field(default="", description="Python module with your routes, as package.module")
    templates: str = Field(
        default="", description="Folder with your templates; default: `templates` beside the routes module"
    )
