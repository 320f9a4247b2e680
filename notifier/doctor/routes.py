"""Whether the routes can be loaded, and whether their channels and templates are fit."""

from collections.abc import Iterator
from contextlib import closing

from notifier.channels import Channel, channel_names, check_channel, load_channel, silence
from notifier.doctor.finding import Finding, doubtful, good, not_known, wrong
from notifier.doctor.postgres.schema import WORKER, serves
from notifier.doctor.routing import need_routes, routes
from notifier.doctor.setup import Setup
from notifier.errors import NotifierError, SettingsError
from notifier.routes.declarations import declared_elsewhere
from notifier.templates import Templates

_PAGE = "docs/reference.md"
_SHOWN = 5


def check_routes(setup: Setup) -> Iterator[Finding]:
    """Find whether the module can be imported, and whether its routes and the tables that are read fit."""
    found = setup.get(routes)
    settings = setup.settings
    names = [route.name for route in found]
    yield good(f"{settings.routes} has the routes {_listed(names)}")
    if others := declared_elsewhere(list(found)):
        yield doubtful(
            f"routes that {settings.routes} does not import are not used: {_listed([each.name for each in others])}",
            "import their modules, or the functions, in NOTIFIER_ROUTES",
            _PAGE,
        )
    if not settings.tables:
        yield wrong("NOTIFIER_TABLES is not set", "name the tables that a bridge reads, separated by commas")
    for table in settings.tables:
        if not found.has_table(table):
            yield wrong(
                f"no route is for the table {table}: its records go to quarantine",
                "add a route, or take the table out of NOTIFIER_TABLES",
                _PAGE,
            )
    for route in found:
        if settings.tables and route.table not in settings.tables:
            yield doubtful(
                f"no event reaches the route {route.name}: the table {route.table} is not read here",
                "add the table to NOTIFIER_TABLES, if no other installation reads it",
                _PAGE,
            )


def check_channels(setup: Setup) -> Iterator[Finding]:
    """Find whether each channel that a route uses has its settings, and its provider's events. Then ask the
    providers, if the login may be that of a worker: other processes never send, and may not reach them.
    """
    loaded: dict[str, Channel] = {}
    for name in sorted({channel for route in need_routes(setup) for channel in route.channels}):
        try:
            check_channel(name, setup.settings)
            loaded[name] = load_channel(name, setup.settings)
        except NotifierError as error:
            if not isinstance(error, SettingsError) or serves(setup, WORKER):
                yield wrong(f"the channel {name} cannot send: {error}", "", "docs/channels.md")
                continue
            yield not_known(
                f"whether the channel {name} can send: its workers have settings of their own",
                f"run notifier doctor with the settings of notifier worker {name}",
            )
        if reason := silence(name, setup.settings):
            yield doubtful(
                f"the channel {name} gets no delivery events: {reason}; its unknown outcomes wait for an operator",
                "set up the events of SES",
                "docs/feedback.md",
            )
        elif name in loaded:
            yield good(f"the channel {name} has its settings")
    for name, channel in loaded.items():
        with closing(channel):
            yield from _examined(setup, name, channel)


def _examined(setup: Setup, name: str, channel: Channel) -> Iterator[Finding]:
    """Ask the provider of a channel, if the channel can: see `Channel`."""
    ask = getattr(channel, "examine", None)
    if ask is None:
        return
    if not serves(setup, WORKER):
        yield not_known(
            f"what the provider of the channel {name} says: workers ask it, and this login is of another process",
            f"run notifier doctor with the settings of notifier worker {name}",
        )
        return
    try:
        yield from ask()
    except NotifierError as error:
        yield wrong(f"the channel {name}: {error}", "", "docs/channels.md")


def check_templates(setup: Setup) -> Iterator[Finding]:
    """Find templates that are broken, and what is probably a mistake in their folder."""
    templates = Templates.of(setup.settings, need_routes(setup).source)
    templates.check()
    remarks = templates.remarks(channel_names())
    if not remarks:
        yield good(f"the templates of emails compile: {_listed(templates.names())}")
    for remark in remarks:
        what, _, missing = remark.partition("; write ")
        yield doubtful(
            what, f"write {missing}" if missing else f"rename or delete it in {templates.folder}", "docs/tutorial.md"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
