"""Crashes at the points where a mail could be lost or sent twice; `make crash` tries all points there are."""

from collections.abc import Iterator, Mapping

import pytest

from sandbox.postgres import PostgresServer
from sandbox.redis import RedisServer
from tests.conftest import GivenPostgres, GivenServer
from tests.crash.city import Trial, Verdict, city
from tests.crash.matrix import bad_days, decisive

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def verdicts(
    request: pytest.FixtureRequest,
    postgres_server: PostgresServer | GivenPostgres,
    template_database: str,
    redis_server: RedisServer | GivenServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Mapping[str, Verdict]]:
    """Of the trials that are selected in this run, by their names: they are made side by side."""
    trials = [item.callspec.params["trial"] for item in request.session.items if item.module is request.module]
    folder = tmp_path_factory.mktemp("crash")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "local")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        with city(postgres_server, template_database, redis_server.url, folder, streets=3) as found:
            yield {str(each.trial): each for each in found.verdicts(trials)}


@pytest.mark.parametrize("trial", list(decisive()), ids=str)
def test_nothing_is_lost_or_sent_twice_wherever_a_process_dies_or_stands_still(
    verdicts: Mapping[str, Verdict], trial: Trial
) -> None:
    assert verdicts[str(trial)].good, str(verdicts[str(trial)])


@pytest.mark.parametrize("trial", list(bad_days()), ids=str)
def test_nor_when_ses_has_a_bad_day_at_the_same_time(verdicts: Mapping[str, Verdict], trial: Trial) -> None:
    assert verdicts[str(trial)].good, str(verdicts[str(trial)])
