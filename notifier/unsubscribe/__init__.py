"""Links by which recipients unsubscribe, without a login: who holds a link may change the opt-outs of one recipient.

    from notifier.unsubscribe import UnsubscribeLinks

    links = UnsubscribeLinks.of(settings)  # NOTIFIER_UNSUBSCRIBE_URL and _KEYS; None if neither is set
    links.url(Subscription("email", "ana@example.com", "news"))
    links.read(token)  # the Subscription of a link's last part, None if we did not make it

Workers add a link to what routes with a topic return, the process `notifier preferences` answers it.
"""

from notifier.unsubscribe.links import (
    ONE_CLICK,
    ONE_CLICK_HEADER,
    OURS,
    SAMPLE_URL,
    UNSUBSCRIBE_HEADER,
    URL_VALUE,
    UnsubscribeLinks,
    with_link,
)
from notifier.unsubscribe.tokens import Subscription, Tokens
from notifier.unsubscribe.topics import Topic, Topics, read_topics

__all__ = [
    "ONE_CLICK",
    "ONE_CLICK_HEADER",
    "OURS",
    "SAMPLE_URL",
    "UNSUBSCRIBE_HEADER",
    "URL_VALUE",
    "Subscription",
    "Tokens",
    "Topic",
    "Topics",
    "UnsubscribeLinks",
    "read_topics",
    "with_link",
]
