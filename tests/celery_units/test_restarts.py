"""Units while their broker is away: a worker process on the fast transport, and a Redis that is restarted."""

from pathlib import Path

import pytest
import redis

from sandbox.embedded.redis import embedded_redis
from tests.celery_units.app import Broker, new_ids
from tests.celery_units.worker import UNIT, worker

OPTIONS = {"visibility_timeout": 4}  # what was running returns soon


@pytest.mark.parametrize("kind", ["threads", "prefork"])
def test_a_unit_that_runs_while_the_broker_restarts_loses_no_message(tmp_path: Path, kind: str) -> None:
    with embedded_redis(tmp_path) as server, embedded_redis(tmp_path, durable=False) as counter:
        queue, counts = Broker(server.url, UNIT), redis.Redis.from_url(counter.url, decode_responses=True)
        log = tmp_path / "worker.log"
        with worker(
            server.url, log, kind, transport="fast", counter_url=counter.url, broker_transport_options=OPTIONS
        ) as child:
            ids = set(new_ids(60))
            queue.publish(*ids)
            child.wait_until(lambda: counts.llen("units") == 1)
            child.wait_until(lambda: int(counts.get("received") or 0) == 60)
            server.restart(keep_data=True)
            counts.set("free", 1)
            child.wait_until(lambda: ids <= counts.hgetall("ended").keys(), 60)
            child.wait_until(lambda: not queue.client.exists("unacked", "a"), 60)
        assert not queue.client.exists("unacked_index")
        queue.close()
        counts.close()
