"""Which servers can be a broker."""

from typing import Any

import pytest
import redis

from celery_units.redis.version import UnfitRedis, check_server
from tests.celery_units.redis.consumer import Looped


class Server:
    """Answers INFO with these fields."""

    def __init__(self, **fields: Any) -> None:
        self._fields = fields

    def info(self, section: str) -> dict[str, Any]:
        assert section == "server"
        return self._fields


class WithoutRight(Server):
    def info(self, section: str) -> dict[str, Any]:
        raise redis.exceptions.NoPermissionError(section)


@pytest.mark.parametrize("version", ["5.0.14", "6.0.16", 6.0])
def test_a_server_that_is_too_old(version: Any) -> None:
    with pytest.raises(UnfitRedis, match="or newer"):
        check_server(Server(redis_version=version))


@pytest.mark.parametrize(
    "server",
    [
        Server(redis_version="6.2.0"),
        Server(redis_version="7.2.4", redis_mode="standalone"),
        Server(redis_version="255.0"),
        Server(),
        WithoutRight(),
    ],
)
def test_a_server_that_is_accepted(server: Server) -> None:
    check_server(server)


def test_a_consumer_refuses_a_server_that_is_too_old(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis.Redis, "info", lambda *_: {"redis_version": "6.0.16"})
    with pytest.raises(UnfitRedis):
        Looped(broker_url, "fast")
