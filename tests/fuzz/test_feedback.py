"""Whatever lies in the feedback queue: it is settled, or kept as a dead letter; never a mistake, never refused."""

import copy
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from bridge.feedback.envelope import MessageParser
from notifier.feedback import DeadLetter
from notifier.outbox import RateLimits, Settlement
from tests.bridge.feedback import records
from tests.fuzz.records import nested, nonsense, texts
from tests.outbox.rows import Rows

ODD_TIMES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00", "2026-W48", "", "0",
             "2026-11-25T09:30:00.123456789Z", "\ud800"]  # fmt: skip
ODD_IDS = ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "0196F0A0", "999999999",
           "2147483648", "-1", "٣"]  # fmt: skip
odd = nonsense | st.sampled_from(ODD_TIMES + ODD_IDS) | texts.map(lambda text: [text])
PARSER = MessageParser(None)


def paths(value: Any, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [so_far]
    if isinstance(value, dict):
        found += [path for name, each in value.items() for path in paths(each, (*so_far, name))]
    elif isinstance(value, list):
        found += [path for number, each in enumerate(value) for path in paths(each, (*so_far, number))]
    return found


def with_odd(event: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.deepcopy(event)
    place = made
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return made


@st.composite
def odd_events(draw: st.DrawFn) -> Any:
    """An event of SES with one to three values that are none."""
    made: Any = draw(st.sampled_from(list(records.EVERY_KIND.values())))
    for _ in range(draw(st.integers(1, 3))):
        made = with_odd(made, draw(st.sampled_from(paths(made))), draw(odd))
    return made


def read(body: str) -> Any:
    found = PARSER.parse(body)
    if isinstance(found, DeadLetter):
        assert "mistake" not in found.error
        assert "@" not in found.error
    return found


@given(odd_events())
@example(records.delivery(timestamp="0001-01-01T00:00:00+14:00"))
@example(records.delivery(tags={"nid": ["ffffffff-ffff-ffff-ffff-ffffffffffff"], "att": ["999999999"]}))
@example(records.bounce(diagnosticCode="\0\ud800 ana@example.com"))
@example(records.complaint("\0", complainedRecipients=[{"emailAddress": "\0\ud800"}]))
@example(nested(140))
def test_any_event_is_settled_or_put_aside(rows: Rows, event: Any) -> None:
    (id_,) = rows.pending()
    tagged = with_odd(event, ("mail", "tags", "nid"), [str(id_)]) if _is_tagged(event) else event
    settlement = Settlement(rows.engine, channel="email", limits=RateLimits(0.04, 0.0008))
    for each in (event, tagged):
        found = read(json.dumps(each))
        if isinstance(found, DeadLetter):
            settled = settlement.settle([], [found])
            assert settled.dead + settled.repeated == 1
        else:
            settled = settlement.settle(found)
            assert settled.fresh + settled.repeated + settled.unmatched >= 1


def _is_tagged(event: Any) -> bool:
    match event:
        case {"mail": {"tags": {"nid": _}}}:
            return True
    return False


@given(st.text() | st.binary().map(lambda junk: junk.decode("utf-8", "surrogateescape")) | nonsense.map(json.dumps))
@example("[" * 100_000)
@example('{"eventType": "Send", "mail": ' + "9" * 5_000 + "}")
@example('{"Type": "Notification", "TopicArn": 7, "Message": null}')
@example('{"Type": [], "TopicArn": 7, "Message": null}')
def test_any_text_is_a_dead_letter_or_events(body: str) -> None:
    if isinstance(found := read(body), DeadLetter):
        assert found.raw.decode("utf-8", "surrogatepass") == body


def test_a_long_diagnosis_holds_up_no_queue_and_is_kept_short() -> None:
    (said,) = read(json.dumps(records.bounce(diagnosticCode="smtp; " + "x" * 250_000)))
    assert len(said.detail) <= 500
