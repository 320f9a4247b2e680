"""Pages on which each template is shown with its sample values: by language, light and dark, narrow and wide."""

from pathlib import Path
from typing import Any

import jinja2

from notifier.preview.colours import coloured
from notifier.preview.templating import TemplateFacts, overview_of, rendered
from notifier.templates import Templates

INDEX = "index.html"


def pages(templates: Templates) -> dict[str, str]:
    """Return the files of a small site by their paths: `index.html`, and the HTML and the text of each mail."""
    overview = overview_of(templates)
    files = dict[str, str]()
    shown = [
        {"name": facts["name"], "sample": facts["sample"], "messages": _messages(templates, facts, files)}
        for facts in overview["templates"]
    ]
    files[INDEX] = _page().render({**overview, "templates": shown})
    return files


def write(templates: Templates, folder: Path) -> list[Path]:
    """Write the site into a folder, which is created. Return the paths. Raise OSError."""
    written = list[Path]()
    for path, text in pages(templates).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
        written.append(folder / path)
    return written


def _messages(templates: Templates, facts: TemplateFacts, files: dict[str, str]) -> list[dict[str, Any]]:
    found = list[dict[str, Any]]()
    for locale in ("", *facts["locales"]):
        for message in rendered(templates, facts["name"], facts["sample"] or "{}", locale or None):
            place = f"{facts['name']}/{locale or 'default'}"
            shown: dict[str, Any] = {**message, "locale": locale or "default"}
            if text := message.get("text"):
                files[f"{place}/{message['kind']}.txt"] = text
            if html := message.get("html"):
                light, dark = f"{place}/light.html", f"{place}/dark.html"
                shown |= {"light": light, "dark": dark}
                files |= {light: coloured(html, "light"), dark: coloured(html, "dark")}
            found.append(shown)
    return found


def _page() -> jinja2.Template:
    folder = jinja2.FileSystemLoader(Path(__file__).parent)
    return jinja2.Environment(loader=folder, autoescape=True).get_template("page.html")
