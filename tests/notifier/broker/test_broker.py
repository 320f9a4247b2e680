"""The queue on real Redis, and our messages held against those that Celery itself would send."""

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from celery import Celery

from notifier.broker import TASK, Broker, BrokerError, celery_configuration, channel_of, queue_name
from notifier.broker.envelope import Envelopes, joined
from notifier.errors import SettingsError


@pytest.fixture
def broker(broker_url: str) -> Iterator[Broker]:
    broker = Broker(broker_url, origin="bridge")
    yield broker
    broker.close()


def messages(broker_url: str) -> list[dict[str, Any]]:
    with redis.Redis.from_url(broker_url) as client:
        return [json.loads(each) for each in client.lrange(queue_name("email"), 0, -1)]


@pytest.mark.parametrize("retries", [0, 3])
def test_our_message_is_the_one_that_celery_would_send(broker: Broker, broker_url: str, retries: int) -> None:
    id_ = uuid.uuid4()
    broker.publish("email", {id_: retries})

    app = Celery("contract", set_as_current=False)
    app.conf.update(celery_configuration(broker_url))
    app.conf.task_default_queue = queue_name("email")
    app.send_task(TASK, [str(id_)], task_id=str(id_), retries=retries, ignore_result=True, queue=queue_name("email"))
    app.close()

    theirs, ours = messages(broker_url)  # the newest comes first
    assert ours.keys() == theirs.keys()
    assert json.loads(ours.pop("body")) == json.loads(theirs.pop("body"))
    assert differing(ours.pop("headers"), theirs.pop("headers")) <= {"origin", "argsrepr"}
    # No reply is wanted; and kombu names the exchange of a direct queue, where the anonymous one does as well.
    assert differing(ours.pop("properties"), theirs.pop("properties")) <= {"delivery_tag", "reply_to"}
    assert ours == theirs


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> set[str]:
    return {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}


def test_each_message_has_a_delivery_tag_of_its_own(broker: Broker, broker_url: str) -> None:
    id_ = uuid.uuid4()
    broker.publish("email", {id_: 0})
    broker.publish("email", {id_: 0})
    tags = {message["properties"]["delivery_tag"] for message in messages(broker_url)}
    assert len(tags) == 2


def test_a_page_goes_through_pipelines(broker: Broker, broker_url: str) -> None:
    ids = {uuid.uuid4(): 0 for _ in range(1_200)}
    broker.publish("email", dict.fromkeys(list(ids)[:1], 0))  # connects
    with redis.Redis.from_url(broker_url) as client:
        before = client.info("stats")["total_reads_processed"]
        broker.publish("email", ids)
        after = client.info("stats")["total_reads_processed"]

    assert broker.depth("email") == 1_201
    assert after - before < 400  # not one read of the socket for each message


def test_each_message_of_a_page_has_its_id_its_failures_and_its_place(broker: Broker, broker_url: str) -> None:
    retries = {uuid.uuid4(): number % 7 * 50 for number in range(2_500)}
    broker.publish("email", retries)

    found = messages(broker_url)[::-1]  # the first is delivered first
    assert {each["headers"]["id"]: each["headers"]["retries"] for each in found} == {
        str(id_): count for id_, count in retries.items()
    }
    assert [each["headers"]["id"] for each in found] == list(map(str, retries))
    for each in found:
        id_ = each["headers"]["id"]
        assert json.loads(each["body"])[0] == [id_]
        assert each["headers"]["root_id"] == each["properties"]["correlation_id"] == id_
        assert each["headers"]["argsrepr"] == f"('{id_}',)"
    tags = [each["properties"]["delivery_tag"] for each in found]
    assert len(set(tags)) == len({tag[:36] for tag in tags}) * 2_500 == 2_500


@pytest.mark.parametrize("count", [0, 1, 250])
def test_ids_are_joined_as_their_texts_are(count: int) -> None:
    ids = [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), *(uuid.uuid4() for _ in range(248))][:count]
    assert joined(ids) == "".join(map(str, ids)).encode()


def test_the_message_that_redis_makes_is_the_one_of_the_template(broker: Broker, broker_url: str) -> None:
    id_ = uuid.uuid4()
    broker.publish("email", {id_: 0})
    (made,) = messages(broker_url)
    ours = json.loads(Envelopes(queue_name("email"), "bridge").message(id_))
    made["properties"]["delivery_tag"] = ours["properties"]["delivery_tag"]
    assert made == ours


def test_held_knows_waiting_and_taken_messages(broker: Broker, broker_url: str) -> None:
    ids = {uuid.uuid4(): 0 for _ in range(2_500)}
    broker.publish("email", ids)
    with redis.Redis.from_url(broker_url) as client:
        for number in range(5):
            message = client.rpop(queue_name("email"))
            assert isinstance(message, bytes)
            client.hset("unacked", str(number), b'[%s, "", "notifier.email"]' % message)

    assert broker.held("email") == set(ids)
    assert broker.held("sms") & set(ids) == broker.held("email") & broker.held("sms")


@pytest.mark.parametrize("url", ["redis://:secret@127.0.0.1:1/0", "redis://127.0.0.1:1/0?password=secret"])
def test_a_broker_that_is_away_is_told_in_one_line_without_its_password(url: str) -> None:
    broker = Broker(url)
    for call in (broker.check, lambda: broker.depth("email"), lambda: broker.publish("email", {uuid.uuid4(): 0})):
        with pytest.raises(BrokerError) as error:
            call()
        assert "127.0.0.1:1" in str(error.value)
        assert "secret" not in str(error.value)
        assert "\n" not in str(error.value)
    broker.close()


def test_a_url_that_is_none() -> None:
    with pytest.raises(SettingsError, match="NOTIFIER_BROKER_URL"):
        Broker("localhost:6379")


def test_a_page_stays_below_the_mark_or_out(broker: Broker) -> None:
    def page(size: int) -> dict[uuid.UUID, int]:
        return {uuid.uuid4(): 0 for _ in range(size)}

    assert broker.publish("email", page(60), high_water=100)
    assert not broker.publish("email", page(41), high_water=100)
    assert broker.depth("email") == 60
    assert broker.publish("email", page(40), high_water=100)
    assert broker.publish("email", {}, high_water=100)
    assert broker.depth("email") == 100


def test_an_empty_queue_takes_any_page(broker: Broker) -> None:
    assert broker.publish("email", {uuid.uuid4(): 0 for _ in range(3_000)}, high_water=100)
    assert broker.depth("email") == 3_000


def test_bridges_that_publish_at_once_stay_below_the_mark_together(broker: Broker, broker_url: str) -> None:
    queues = [Broker(broker_url) for _ in range(8)]

    def fill(one: Broker) -> None:
        for _ in range(50):
            one.publish("email", {uuid.uuid4(): 0 for _ in range(30)}, high_water=500)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(fill, queues))
    assert 470 < broker.depth("email") <= 500
    for each in queues:
        each.close()


def test_names_of_queues_and_channels_are_each_others_inverse() -> None:
    assert channel_of(queue_name("email")) == "email"


SETTINGS = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_ignore_result": True,
    "result_backend": None,
    "broker_connection_max_retries": None,
    "accept_content": ["json"],
    "task_send_sent_event": False,
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_delivery_at_least_once_needs(name: str) -> None:
    assert celery_configuration("redis://localhost")[name] == SETTINGS[name]


def test_the_visibility_timeout_outlasts_the_lease_of_an_attempt() -> None:
    from notifier.settings import Settings

    options = celery_configuration("redis://localhost")["broker_transport_options"]
    lease = Settings.model_fields["send_lease_seconds"].default
    assert options["visibility_timeout"] > lease
    assert options["socket_timeout"] is not None
