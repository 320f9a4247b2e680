"""What a link does: GET shows a page, POST changes opt-outs (RFC 8058 for mail providers, forms for people)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread
import structlog
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from notifier.database.errors import DatabaseError, cause
from notifier.outbox import ALL_TOPICS
from notifier.unsubscribe import ONE_CLICK, Subscription
from web.preferences.bodies import read_form
from web.preferences.rendering import Rendering

if TYPE_CHECKING:
    from web.preferences.app import Preferences

T = TypeVar("T")
log = structlog.get_logger(__name__)

_FIELD, _, _VALUE = ONE_CLICK.partition("=")


class Links:
    """Answers requests to links. Whether an address is known makes no difference to an answer, nor to its time."""

    def __init__(self, preferences: Preferences, rendering: Rendering, threads: anyio.CapacityLimiter) -> None:
        self._preferences = preferences
        self._rendering = rendering
        self._threads = threads

    async def root(self, request: Request) -> Response:
        """Say that this is the address of links, and that none was given."""
        return self._no_link(request)

    async def show(self, request: Request) -> Response:
        """Show the topics and what is chosen. Changes nothing: programs that scan mails open every link."""
        subscription = self._subscription(request)
        if subscription is None:
            return self._no_link(request)
        return await self._page(request, subscription, "")

    async def change(self, request: Request) -> Response:
        """Unsubscribe, or save the chosen topics. The answer comes after the commit, and is no redirect."""
        subscription = self._subscription(request)
        if subscription is None:
            return self._no_link(request)
        form = await read_form(request)
        if str(form.get(_FIELD, "")).lower() == _VALUE.lower():
            await self._run(lambda: self._change(subscription, leave={subscription.topic or ALL_TOPICS}))
            return PlainTextResponse("unsubscribed\n")
        leave, join, done = self._wanted(subscription, form)
        await self._run(lambda: self._change(subscription, leave=leave, join=join))
        return await self._page(request, subscription, done)

    def _wanted(self, subscription: Subscription, form: FormData) -> tuple[set[str], set[str], str]:
        """Return the topics that the form leaves and joins, and the name of the text that says so."""
        match form.get("action"):
            case "leave":
                return {subscription.topic or ALL_TOPICS}, set(), "left" if subscription.topic else "left_all"
            case "join":
                return set(), {subscription.topic or ALL_TOPICS}, "joined"
            case "all":
                return {ALL_TOPICS}, set(), "left_all"
            case "save":
                shown = self._shown(subscription, form)
                chosen = shown & {each for each in form.getlist("topic") if isinstance(each, str)}
                return shown - chosen, chosen, "saved"
            case _:
                raise HTTPException(400, f"The request must have {ONE_CLICK}, or be a form of this page.")

    def _shown(self, subscription: Subscription, form: FormData) -> set[str]:
        """Return those of today's topics that the form listed when its page was loaded, which may be long ago.

        A box that is not ticked says nothing of a topic that the page did not have. A page of an earlier version does
        not name the topics that it lists: all of today's are taken then.
        """
        listed = {each.id for each in self._preferences.topics.of(subscription.channel, subscription.topic)}
        named = {each for each in form.getlist("listed") if isinstance(each, str)}
        return listed & named if named else listed

    def _change(self, subscription: Subscription, *, leave: set[str], join: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        if subscription.address:
            self._preferences.opt_outs.change(subscription.channel, subscription.address, leave=leave, join=join)
        else:  # the link by which `notifier doctor` tries this page
            self._preferences.opt_outs.read(subscription.channel, subscription.address)

    async def _page(self, request: Request, subscription: Subscription, done: str) -> Response:
        out = await self._run(lambda: self._preferences.opt_outs.read(subscription.channel, subscription.address))
        return HTMLResponse(self._rendering.page(request.headers.get("accept-language", ""), subscription, out, done))

    def _subscription(self, request: Request) -> Subscription | None:
        """Return what the link is for, None if it is none of ours. Raise HTTPException 429 for too many requests."""
        token = request.path_params["token"]
        subscription = self._preferences.links.read(token)
        if subscription:
            wait = self._preferences.link_calls.wait(token)
        else:
            wait = self._preferences.invalid_calls.wait(request.client.host if request.client else "")
        if wait:
            raise HTTPException(429, "Too many requests.", {"Retry-After": str(math.ceil(wait))})
        return subscription

    def _no_link(self, request: Request) -> Response:
        return HTMLResponse(self._rendering.no_link(request.headers.get("accept-language", "")), 404)

    async def _run(self, call: Callable[[], T]) -> T:
        """Call it in a thread. Raise HTTPException 503 if the database fails: it is not known whether it was done."""
        try:
            return await anyio.to_thread.run_sync(call, limiter=self._threads)
        except DatabaseError as error:
            log.warning("an opt-out could not be read or written", reason=cause(error))
            raise HTTPException(503, "Please try again in a minute.", {"Retry-After": "60"}) from None
