"""Templates in a folder: `NAME/subject.txt`, `NAME/body.txt` and, for HTML, `NAME/body.html`.

Other channels have files of their own, for example `NAME/sms.txt`. Translations are beside them (`body.de.html`),
shared layouts anywhere in the folder. Templates are jinja2, sandboxed and strict: a missing value is an error instead
of a gap in a mail. Values are escaped in HTML, not in text. Numbers are written in plain notation; a value without a
text of its own (a method, None) is an error.

Example:
    templates = Templates(Path("templates"))
    mail = templates.render("order_shipped", {"number": 17}, locale="pt-BR")
"""

from notifier.templates.rendering import Templates, templates_folder

__all__ = ["Templates", "templates_folder"]
