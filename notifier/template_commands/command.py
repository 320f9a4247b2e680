"""New templates, checks of all of them, and what they look like."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from notifier.cli.terminal.output import Json, print_json, say
from notifier.errors import UsageError
from notifier.preview.routing import Routing
from notifier.preview.settings import preview_settings
from notifier.routes.loading import load_routes
from notifier.template_commands.pages import pages, write
from notifier.template_commands.review import Remark, review
from notifier.template_commands.server import PreviewServer
from notifier.template_commands.starting import start
from notifier.templates import Templates, templates_folder

Folder = Annotated[
    str,
    typer.Option("--templates", metavar="FOLDER", help="The folder of templates; otherwise that of the settings."),
]

template = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)


@template.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Its name, for example order_shipped.")],
    folder: Folder = "",
    json: Json = False,
) -> None:
    """Write a template that works: subject, HTML, text and sample values. Existing files stay as they are."""
    paths = start(_folder(folder), name)
    if json:
        print_json({"written": list(map(str, paths))})
        return
    for path in paths:
        say(f"written: {path}")
    say(f"look at it: notifier template preview; a route sends it with template={name!r}")


@template.command("check")
def check(
    folder: Folder = "",
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 also if something is only doubtful.")] = False,
    json: Json = False,
) -> None:
    """Render every template in each language with its sample values, and say what is wrong or doubtful.

    Exit code 1 if a message cannot be rendered: a value that the samples lack, a broken file, a missing part.
    """
    found = review(_templates(folder))
    wrong = sum(each.wrong for each in found)
    if json:
        print_json({"wrong": wrong, "doubtful": len(found) - wrong, "remarks": [each.as_json() for each in found]})
    else:
        for each in sorted(found, key=lambda each: not each.wrong):
            say(_line(each))
        say(f"{wrong} wrong, {len(found) - wrong} doubtful")
    if wrong or (strict and found):
        raise typer.Exit(1)


@template.command("preview")
def preview(
    folder: Folder = "",
    out: Annotated[
        str, typer.Option(metavar="DIR", help="Write the pages into this folder, and serve nothing.")
    ] = "",
    port: Annotated[int, typer.Option(help="The port on this machine; 0 is any free one.", min=0, max=65535)] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
) -> None:
    """Show every template with its sample values: each language, light and dark, narrow and wide, and the text.

    The page is rendered again each time that it is loaded. Ctrl-C ends it.
    """
    if out:
        try:
            written = write(_templates(folder), Path(out))
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error}") from None
        for path in written:
            say(str(path))
        return
    _templates(folder)  # a folder that is not there is said here, not in the browser
    with PreviewServer(port, lambda: pages(_templates(folder))) as server:
        say(f"templates: {server.url}")
        if browser:
            webbrowser.open(server.url)
        server.serve_forever()


def _line(remark: Remark) -> str:
    place = " ".join(filter(None, (remark.template, remark.locale)))
    return f"{'wrong' if remark.wrong else 'doubtful'}  {f'{place}: ' if place else ''}{remark.what}"


def _templates(folder: str) -> Templates:
    return Templates(Path(folder)) if folder else Routing.templates_only()


def _folder(folder: str) -> Path:
    """Return the folder in which a new template is written, which need not exist yet."""
    if folder:
        return Path(folder)
    settings = preview_settings()
    source = None if settings.templates else load_routes(settings.routes).source
    return templates_folder(settings, source)
