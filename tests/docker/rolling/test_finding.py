"""What is concluded from a run: no engine is needed."""

from typing import Any

from tests.docker.rolling.finding import Finding, Step, judge

WRITTEN = {"a@example.com": 100.0, "b@example.com": 101.0, "c@example.com": 110.0}
LEDGER: dict[str, Any] = {"once_unknown": [], "stranded": [], "unbalanced": [], "gaps": [], "quarantine": []}
STEPS = [Step(99.0, "warm up"), Step(105.0, "replace")]


def mail(to: str, second: float) -> dict[str, str]:
    return {"to": f"{to}@example.com", "time": f"1970-01-01T00:{int(second) // 60:02}:{second % 60:06.3f}Z"}


def found(*mails: dict[str, str], **ledger: Any) -> Finding:
    return judge(WRITTEN, 10.0, mails, {**LEDGER, **ledger}, STEPS)


def test_each_event_with_one_mail_in_time_is_good() -> None:
    finding = found(mail("a", 100.5), mail("b", 101.25), mail("c", 112.0))
    assert (finding.exact, finding.in_time) == (True, True)
    assert (finding.events, finding.accepted, finding.events_per_second) == (3, 3, 0.3)
    assert (finding.p50, finding.slowest) == (0.5, 2.0)
    assert [tuple(each) for each in finding.delays] == [("warm up", 0.5, 1.0), ("replace", 2.0, 5.0)]


def test_what_must_not_be_is_seen() -> None:
    all_sent = [mail(each, 111.0) for each in "abc"]
    assert not found(*all_sent).in_time
    assert not found(*all_sent[:2]).exact
    assert found(*all_sent[:2]).lost == 1
    assert found(*all_sent, mail("a", 112.0)).duplicated == 1
    assert not found(*all_sent, mail("a", 112.0)).exact
    assert found(*all_sent, mail("d", 112.0)).unexpected == 1
    assert not found(*all_sent, once_unknown=["a@example.com"]).exact
    assert not found(*all_sent, gaps=["a shard"]).exact
    assert found(*all_sent).exact


def test_a_run_that_wrote_nothing_proves_nothing() -> None:
    assert not judge({}, 0.0, [], LEDGER, STEPS).exact
