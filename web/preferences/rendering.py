"""The page of a recipient, in the language of the browser."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from notifier.outbox import ALL_TOPICS
from notifier.text import masked
from notifier.unsubscribe import Subscription, Topics

_FOLDER = Path(__file__).parent
_ENGLISH = "en"
_MOST_LANGUAGES = 20


class Rendering:
    """Renders the pages. `style` is what is between the tags of their style, for the policy of contents."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self.style = (_FOLDER / "templates" / "page.css").read_text("utf-8")
        self._texts: dict[str, dict[str, str]] = {
            path.stem: tomllib.loads(path.read_text("utf-8")) for path in (_FOLDER / "texts").glob("*.toml")
        }
        environment = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(style=Markup(self.style), sender=topics.sender)  # noqa: S704  a file of ours
        self._page = environment.get_template("page.html")
        self._no_link = environment.get_template("no_link.html")

    def page(self, languages: str, subscription: Subscription, out: Collection[str], done: str) -> str:
        """Return the page of a recipient. `out` are the topics it is opted out of, `done` what was just changed, as
        the name of a text; `languages` is the header Accept-Language.
        """
        language = self._language(languages)
        everything = "" in out or ALL_TOPICS in out
        rows = [
            {"id": topic.id, "words": topic.in_language(language), "on": not everything and topic.id not in out}
            for topic in self._topics.of(subscription.channel, subscription.topic)
        ]
        return self._page.render(
            language=language,
            text=self._words(language),
            rows=rows,
            own=next((row for row in rows if row["id"] == subscription.topic), None),
            recipient=masked(subscription.address),
            done=done,
        )

    def no_link(self, languages: str) -> str:
        """Return the page for a link that is none of ours."""
        language = self._language(languages)
        return self._no_link.render(language=language, text=self._words(language))

    def _words(self, language: str) -> Mapping[str, str]:
        return self._texts.get(language.partition("-")[0], self._texts[_ENGLISH])

    def _language(self, header: str) -> str:
        """Return the first language of the header that this page is written in; English if there is none."""
        return next((each for each in _preferred(header) if each.partition("-")[0] in self._texts), _ENGLISH)


def _preferred(header: str) -> Iterator[str]:
    """Yield the languages of a header Accept-Language, the most wanted first."""
    wanted = []
    for each in header.split(",")[:_MOST_LANGUAGES]:
        language, _, weight = each.partition(";q=")
        try:
            wanted.append((-float(weight or 1), language.strip().lower()))
        except ValueError:
            continue
    yield from (language for weight, language in sorted(wanted, key=lambda one: one[0]) if language and weight)
