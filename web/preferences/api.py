"""The API for pages of your own: reads and changes opt-outs, and makes links. A bearer token says who may."""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from notifier.channels import channel_names, checked_address
from notifier.database.errors import DatabaseError, cause
from notifier.errors import UsageError
from notifier.outbox import ALL_TOPICS
from notifier.unsubscribe import Subscription
from web.preferences.bodies import read_body

if TYPE_CHECKING:
    from web.preferences.app import Preferences

Fields = dict[str, Any]
log = structlog.get_logger(__name__)
_LONGEST_TOPIC = 200


class Api:
    """GET and POST /api/preferences, POST /api/links: docs/unsubscribe.md describes them."""

    def __init__(self, preferences: Preferences, threads: anyio.CapacityLimiter) -> None:
        self._preferences = preferences
        self._threads = threads

    def routes(self) -> list[Route]:
        return [
            Route("/api/preferences", self.read, methods=["GET"]),
            Route("/api/preferences", self.change, methods=["POST"]),
            Route("/api/links", self.link, methods=["POST"]),
        ]

    async def read(self, request: Request) -> Response:
        """Return what a recipient has chosen, named by a link's `token`, or by `channel` and `address`."""
        self._check(request)
        return await self._answer(lambda: self._preference(self._subscription(dict(request.query_params))))

    async def change(self, request: Request) -> Response:
        """Opt a recipient out of the topics in `unsubscribe`, into those in `subscribe`; return what holds then."""
        self._check(request)
        given = await _fields(request)
        return await self._answer(lambda: self._changed(given))

    async def link(self, request: Request) -> Response:
        """Return the link of a recipient and a topic, for a mail that another system sends."""
        self._check(request)
        given = await _fields(request)
        return await self._answer(lambda: {"url": self._preferences.links.url(self._subscription(given))})

    def _changed(self, given: Fields) -> Fields:
        subscription = self._subscription(given)
        leave, join = _topics(given, "unsubscribe"), _topics(given, "subscribe")
        if leave & join or (ALL_TOPICS in leave and join):
            raise UsageError("unsubscribe and subscribe name the same topic")
        self._preferences.opt_outs.change(subscription.channel, subscription.address, leave=leave, join=join)
        return self._preference(subscription)

    def _preference(self, subscription: Subscription) -> Fields:
        out = self._preferences.opt_outs.read(subscription.channel, subscription.address)
        everything = "" in out or ALL_TOPICS in out
        topics = self._preferences.topics.of(subscription.channel, subscription.topic)
        named = [topic.id for topic in topics] + sorted(out - {"", ALL_TOPICS} - {topic.id for topic in topics})
        return {
            "channel": subscription.channel,
            "address": subscription.address,
            "topic": subscription.topic,
            "unsubscribed_from_all": everything,
            "topics": {name: not everything and name not in out for name in named},
        }

    def _subscription(self, given: Fields) -> Subscription:
        if token := given.get("token"):
            subscription = self._preferences.links.read(str(token))
            if subscription is None or not subscription.address:
                raise UsageError("token is not the last part of a link of ours")
            return subscription
        channel, address, topic = (str(given.get(name) or "") for name in ("channel", "address", "topic"))
        if channel not in channel_names() or not address:
            raise UsageError(f"give token, or channel and address; channels are {', '.join(channel_names())}")
        if len(topic) > _LONGEST_TOPIC or topic == ALL_TOPICS:
            raise UsageError("topic is no name of a topic")
        return Subscription(channel, checked_address(channel, address), topic)

    def _check(self, request: Request) -> None:
        """Raise HTTPException 401 without the right bearer token, 429 after too many wrong ones."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self._preferences.secret.encode())
        if kind.lower() == "bearer" and right:
            return
        if wait := self._preferences.invalid_calls.wait(request.client.host if request.client else ""):
            raise HTTPException(429, "Too many requests.", {"Retry-After": str(math.ceil(wait))})
        raise HTTPException(401, "The bearer token is wrong.", {"WWW-Authenticate": "Bearer"})

    async def _answer(self, call: Callable[[], Fields]) -> Response:
        try:
            return JSONResponse(await anyio.to_thread.run_sync(call, limiter=self._threads))
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 400)
        except DatabaseError as error:
            log.warning("an opt-out could not be read or written", reason=cause(error))
            return JSONResponse({"error": "the database failed: try again"}, 503, {"Retry-After": "60"})


async def _fields(request: Request) -> Fields:
    try:
        given = orjson.loads(await read_body(request))
    except orjson.JSONDecodeError:
        given = None
    if not isinstance(given, dict):
        raise HTTPException(400, "The body must be a JSON object.")
    return given


def _topics(given: Fields, name: str) -> set[str]:
    topics = given.get(name, [])
    if not isinstance(topics, list) or not all(
        isinstance(each, str) and 0 < len(each) <= _LONGEST_TOPIC and "\0" not in each for each in topics
    ):
        raise UsageError(f"{name} must be a list of topics")
    return set(topics)
