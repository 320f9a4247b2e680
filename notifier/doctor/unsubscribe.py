"""Whether mails about a topic have links to unsubscribe, and whether these work as RFC 8058 requires."""

import ssl
from collections.abc import Iterator

import httpx

from notifier.doctor.finding import Finding, doubtful, good, not_known, wrong
from notifier.doctor.postgres.schema import WORKER, serves
from notifier.doctor.routing import need_routes
from notifier.doctor.setup import Setup
from notifier.unsubscribe import ONE_CLICK, OURS, Subscription, UnsubscribeLinks
from notifier.unsubscribe.routes import mails_about_a_topic

_PAGE = "docs/unsubscribe.md"
_SECONDS = 5.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_PROBE = Subscription("email", "", "")
"""A link that belongs to no recipient: a POST to it writes nothing."""


def check_unsubscribe(setup: Setup) -> Iterator[Finding]:
    """Find whether links are set up where routes have a topic, and try one, as a mail provider does."""
    settings = setup.settings
    routes = mails_about_a_topic(need_routes(setup))
    if (routes or settings.unsubscribe_url) and not settings.unsubscribe_keys and not serves(setup, WORKER):
        yield not_known(
            "whether links to unsubscribe work: workers make them, and this login is of another process",
            "run notifier doctor with the settings of a worker",
        )
        return
    links = UnsubscribeLinks.of(settings)
    if links is None:
        if routes:
            yield wrong(
                f"mails about a topic have no link to unsubscribe: {', '.join(routes)}",
                "set NOTIFIER_UNSUBSCRIBE_URL and NOTIFIER_UNSUBSCRIBE_KEYS, and run notifier preferences",
                _PAGE,
            )
        else:
            yield good("no route of emails has a topic, so no mail needs a link to unsubscribe")
        return
    yield from _try(links.url(_PROBE), settings.unsubscribe_url)


def _try(link: str, url: str) -> Iterator[Finding]:
    if link.startswith("http:"):
        yield doubtful(
            f"links to unsubscribe begin with http: {url} is for tests on one machine only",
            "set NOTIFIER_UNSUBSCRIBE_URL to an https address that the internet reaches",
            _PAGE,
        )
    try:
        with httpx.Client(timeout=_SECONDS, follow_redirects=False) as client:
            shown = client.get(link)
            yield from _of_page(shown, url)
            if shown.status_code == httpx.codes.OK and OURS in shown.headers:
                client.cookies.clear()
                yield _of_post(client.post(link, content=ONE_CLICK, headers=_FORM), url)
    except httpx.HTTPError as error:
        yield _of_error(error, url)


def _of_page(answer: httpx.Response, url: str) -> Iterator[Finding]:
    if answer.is_redirect:
        yield wrong(
            f"{url} answers with a redirect: mail providers follow none",
            "set NOTIFIER_UNSUBSCRIBE_URL to the address that it leads to",
            _PAGE,
        )
    elif OURS not in answer.headers:
        yield not_known(
            f"{url} is answered by another program (status {answer.status_code}), so that POST was not tried",
            f"a page of yours takes POST with {ONE_CLICK}; if it is none, let the proxy pass requests to notifier "
            "preferences",
        )
    elif answer.status_code == httpx.codes.NOT_FOUND:
        yield wrong(
            f"{url} does not know the links that are made here",
            "give notifier preferences the same NOTIFIER_UNSUBSCRIBE_KEYS as the workers, and the path of the URL",
            _PAGE,
        )
    elif answer.status_code != httpx.codes.OK:
        yield _failed("GET", answer.status_code, url)


def _of_post(answer: httpx.Response, url: str) -> Finding:
    if answer.status_code == httpx.codes.OK:
        return good(f"links to unsubscribe lead to {url}, which answers one click without cookies and redirects")
    return _failed("POST", answer.status_code, url)


def _failed(method: str, status: int, url: str) -> Finding:
    return wrong(
        f"{method} of a link at {url} is answered with status {status}",
        "see the log of notifier preferences, and of the proxy before it",
        _PAGE,
    )


def _of_error(error: httpx.HTTPError, url: str) -> Finding:
    causes: list[BaseException] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    refusal = next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None)
    if refusal:
        return wrong(
            f"the certificate of {url} is not valid: {refusal.verify_message}",
            "give it one that browsers accept; mail providers do not unsubscribe otherwise",
            _PAGE,
        )
    return wrong(
        f"{url} cannot be reached from here: {type(error).__name__}",
        "run notifier preferences behind a proxy with https, and let the internet reach it",
        _PAGE,
    )
