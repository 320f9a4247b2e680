"""Templates from a folder: `NAME/subject.txt`, `NAME/body.txt` and, where there is HTML, `NAME/body.html`.

Other channels take a part of their own, `NAME/sms.txt` say. Translations lie beside them (`body.de.html`),
shared layouts anywhere in the folder. They are jinja2, sandboxed and strict: a missing value is an error, not
a gap in a mail. HTML is escaped, text is not. Numbers are written in plain notation; what has no text of its
own (a method, None) is an error.
"""

from notifier.templates.rendering import Templates, templates_folder

__all__ = ["Templates", "templates_folder"]
