"""Topics that recipients can choose from, and their names in several languages: the file of NOTIFIER_TOPICS.

sender = "Example Shop"

[topics.news]
name = "News"
description = "What is new, once a month"
channels = ["email"]                      # left out: every channel
translations.de = {name = "Neuigkeiten", description = "Was neu ist, einmal im Monat"}
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notifier.errors import SettingsError

_FIELDS = {"name", "description", "channels", "translations"}


@dataclass(frozen=True, slots=True)
class Words:
    """What people read of a topic in one language."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic that recipients can choose. Without `channels` it is one of every channel."""

    id: str
    words: Words
    channels: frozenset[str] = frozenset()
    translations: Mapping[str, Words] = field(default_factory=dict)

    def is_of(self, channel: str) -> bool:
        """Return whether messages of this channel may be about it."""
        return not self.channels or channel in self.channels

    def in_language(self, language: str) -> Words:
        """Return its words in a language, `pt-BR` for example: in the nearest one that there is."""
        known = {name.lower(): words for name, words in self.translations.items()}
        return known.get(language.lower()) or known.get(language.lower().partition("-")[0]) or self.words


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics, in the order of the file, and who sends: a name for people."""

    topics: tuple[Topic, ...] = ()
    sender: str = ""

    def __iter__(self) -> Iterator[Topic]:
        return iter(self.topics)

    def of(self, channel: str, topic: str = "") -> list[Topic]:
        """Return the topics of a channel. `topic` is among them, under its id if the file does not name it."""
        found = [each for each in self.topics if each.is_of(channel) or each.id == topic]
        if topic and all(each.id != topic for each in found):
            found.append(Topic(topic, Words(topic)))
        return found


def read_topics(path: str) -> Topics:
    """Return the topics of a file; none for an empty path. Raise SettingsError that says what is wrong."""
    if not path:
        return Topics()
    try:
        found = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"NOTIFIER_TOPICS: {path} cannot be read: {error}") from None
    try:
        _only(found, {"sender", "topics"}, "the file")
        topics = tuple(_topic(name, given) for name, given in _table(found.get("topics", {}), "topics").items())
        return Topics(topics, _text(found.get("sender", ""), "sender"))
    except ValueError as error:
        raise SettingsError(f"NOTIFIER_TOPICS: {path}: {error}") from None


def _topic(name: str, given: Any) -> Topic:
    where = f"topics.{name}"
    if not name.strip() or name == "*":
        raise ValueError(f"{name!r} is no name of a topic")
    table = _table(given, where)
    _only(table, _FIELDS, where)
    channels = table.get("channels", [])
    if not isinstance(channels, list) or not all(isinstance(each, str) for each in channels):
        raise ValueError(f"{where}.channels is no list of channels")
    translations = _table(table.get("translations", {}), f"{where}.translations")
    return Topic(
        name,
        _words(table, where),
        frozenset(channels),
        {each: _words(_table(said, f"{where}.{each}"), f"{where}.{each}") for each, said in translations.items()},
    )


def _words(table: Mapping[str, Any], where: str) -> Words:
    name = _text(table.get("name", ""), f"{where}.name")
    if not name.strip():
        raise ValueError(f"{where} has no name: what people read")
    return Words(name, _text(table.get("description", ""), f"{where}.description"))


def _table(given: Any, where: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{where} is no table")  # noqa: TRY004  the file is wrong, not the program
    return given


def _text(given: Any, where: str) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{where} is no text")  # noqa: TRY004
    return given


def _only(table: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(table) - known):
        raise ValueError(
            f"{where} has {', '.join(unknown)}, which means nothing: it may have {', '.join(sorted(known))}"
        )
