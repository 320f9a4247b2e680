"""The file of topics, and what is said of one that is wrong."""

from pathlib import Path

import pytest

from notifier.errors import SettingsError
from notifier.unsubscribe import read_topics

GOOD = """
sender = "Example Shop"
[topics.news]
name = "News"
description = "Once a month"
channels = ["email"]
translations.de = {name = "Neuigkeiten", description = "Einmal im Monat"}
[topics.offers]
name = "Offers"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "topics.toml"
    path.write_text(GOOD)
    return path


def test_topics_of_a_channel_in_a_language(file: Path) -> None:
    topics = read_topics(str(file))
    assert topics.sender == "Example Shop"
    assert [each.id for each in topics.of("email")] == ["news", "offers"]
    assert [each.id for each in topics.of("sms")] == ["offers"]
    news = topics.of("email")[0]
    assert news.in_language("de-AT").name == "Neuigkeiten"
    assert news.in_language("fr").name == "News"


def test_the_topic_of_a_link_is_shown_whatever_the_file_says(file: Path) -> None:
    topics = read_topics(str(file))
    assert [each.id for each in topics.of("sms", "news")] == ["news", "offers"]
    assert [each.id for each in topics.of("sms", "other")] == ["offers", "other"]
    assert [each.words.name for each in read_topics("").of("email", "other")] == ["other"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sender = 1", "sender is no text"),
        ("topics = 1", "topics is no table"),
        ("[topics.news]", "topics.news has no name"),
        ('[topics.news]\nname = "News"\nchanels = ["email"]', "chanels"),
        ('[topics.news]\nname = "News"\nchannels = "email"', "channels is no list"),
        ('[topics.news]\nname = "News"\ntranslations.de = "N"', "news.de is no table"),
        ('[topics."*"]\nname = "All"', "is no name of a topic"),
        ("[topics", "cannot be read"),
    ],
)
def test_a_mistake_is_named(file: Path, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError, match="NOTIFIER_TOPICS") as raised:
        read_topics(str(file))
    assert says in str(raised.value)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_topics(str(tmp_path / "none.toml"))
