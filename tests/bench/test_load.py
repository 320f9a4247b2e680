"""The load, and the check that each event became exactly one mail."""

import time
from urllib.request import urlopen

import pytest

from bench.measure.load import SHARDS, NotExact, check_exact, start_load, written_at
from bench.measure.servers import Servers
from tests.waiting import wait_until


def accept(servers: Servers, number: str) -> None:
    body = b'{"Destination": {"ToAddresses": ["ana.berg.%b@example.com"]}}' % number.encode()
    urlopen(f"{servers.ses.url}/v2/email/outbound-emails", body).close()


@pytest.fixture
def written(servers: Servers) -> list[str]:
    """The numbers of events that can be read."""
    load = start_load(servers, 3 * SHARDS)
    assert load.events == 3 * SHARDS
    assert load.start > time.time()
    assert written_at(servers) == {}
    return wait_until(lambda: list(written_at(servers)))


def test_one_mail_for_each_event_passes(servers, written):
    assert len(set(written)) == 3 * SHARDS
    for number in written:
        accept(servers, number)
    check_exact(servers)


@pytest.mark.parametrize(
    ("skipped", "more", "found"),
    [
        (1, [], "1 lost, 0 duplicated, 0 unexpected"),
        (0, ["first"], "0 lost, 1 duplicated, 0 unexpected"),
        (0, ["99999999"], "0 lost, 0 duplicated, 1 unexpected"),
    ],
)
def test_anything_else_raises_not_exact(servers, written, skipped, more, found):
    for number in [*written[skipped:], *(written[0] if each == "first" else each for each in more)]:
        accept(servers, number)
    with pytest.raises(NotExact, match=f"of {3 * SHARDS} events: {found}"):
        check_exact(servers)


def test_a_load_may_have_a_rate(servers):
    load = start_load(servers, 20, rate=40.0)
    times = sorted(wait_until(lambda: len(found := written_at(servers)) == 20 and found.values()))
    assert times[0] == pytest.approx(load.start)
    assert times[-1] - times[0] == pytest.approx(19 / 40)
