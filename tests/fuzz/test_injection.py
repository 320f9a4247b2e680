"""What people put into an item is text: in the mail it stands as it is, and nothing executes it."""

import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import TemplateError
from notifier.events import Event
from notifier.outbox import records as wire
from notifier.templates import Templates
from notifier.text import sound
from tests.bridge.stream.records import record
from tests.fuzz.records import texts

PROGRAMS = [
    "{{ 7 * 7 }}",
    "{% set x = 7 * 7 %}{{ x }}",
    "{# gone #}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% include '/etc/passwd' %}",
    "{% extends 'other/body.html' %}",
    "{% raw %}{{ other }}{% endraw %}",
    "${7*7} #{7*7} <%= 7*7 %> @(7*7) *{7*7}",
    "{{subject}} {{text}} {{html}} {{{html}}} {{#each tags}}x{{/each}} {{amazonSESUnsubscribeUrl}}",
    "{0.__class__.__init__.__globals__} %(text)s %s $text",
    "</p><script>alert(1)</script>",
    "'; DROP TABLE deliveries; --",
    "$(touch owned) `touch owned`",
]


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    folder = tmp_path_factory.mktemp("templates")
    files = {
        "a/subject.txt": "About {{ item.text }}",
        "a/body.txt": "{{ item.text }}",
        "a/body.html": '<p title="{{ item.text }}">{{ item.text }}</p>',
        "names/subject.txt": "S",
        "names/body.txt": "{% for name, value in item | dictsort %}{{ name }}={{ value }};{% endfor %}",
        "format/subject.txt": "S",
        "format/body.txt": "{{ item.text.format(item) }}",
        "format/body.html": "{{ item.text | format(item) }}",
        "other/body.html": "secret",
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
    return Templates(folder)


def item(**attributes: Any) -> Any:
    """As a route gets it: the attributes have been over the wire, into the outbox and out of it."""
    return Event.from_record("activity", wire.parse(wire.write(record(1, **attributes)))).new


@given(texts.filter(lambda text: text == sound(text)) | st.sampled_from(PROGRAMS))
def test_a_value_stands_in_the_mail_as_it_is(templates: Templates, text: str) -> None:
    content = templates.render("a", {"item": item(text={"S": text})})
    assert content.text == text
    assert content.subject == " ".join(f"About {text}".split())
    assert content.html is not None
    shown = content.html.removeprefix('<p title="').removesuffix("</p>")
    assert [html.unescape(each) for each in shown.split('">', 1)] == [text, text]
    assert "<" not in shown.replace('">', "", 1)


@pytest.mark.parametrize("text", PROGRAMS)
def test_the_name_of_an_attribute_is_text_too(templates: Templates, text: str) -> None:
    content = templates.render("names", {"item": {"outer": item(**{text: {"M": {text: {"S": text}}}})[text]}})
    assert content.text == f"outer={ {text: text} };"


@pytest.mark.parametrize("name", ["__class__", "items", "update", "_private", "mro", "format_map"])
def test_attributes_named_as_pythons_own_reach_nothing(templates: Templates, name: str) -> None:
    content = templates.render("names", {"item": item(**{name: {"S": "theirs"}})})
    assert f"{name}=theirs;" in content.text


@pytest.mark.parametrize("text", ["{0.__class__}", "{0[text].__init__.__globals__}", "{0.pop}", "%(nothing)s"])
def test_a_value_that_a_template_takes_for_a_format_reaches_no_object(templates: Templates, text: str) -> None:
    with pytest.raises(TemplateError):
        templates.render("format", {"item": item(text={"S": text})})


@given(name=texts | st.sampled_from(["../a", "/etc/passwd", "a/../a", *PROGRAMS]))
def test_a_value_names_no_file(templates: Templates, name: str) -> None:
    if name in templates.names():
        return
    with pytest.raises(TemplateError):
        templates.render(name, {"item": {"text": "x"}})
    assert templates.render("a", {"item": {"text": "x"}}, locale=name).text == "x"
