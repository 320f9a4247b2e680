"""The addresses that are measured: every GET of every page, with what people look for. Pure."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from bench.history.history import EVERYBODY, RARE_ROUTE, History
from notifier.errors import NotifierError
from notifier.notifications import first_id
from web.console.page import Endpoint

Ask = Callable[[], str]
"""Returns an address; each call one that looks for something else."""

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

FRAME = "/frames/{key}"


class Questions:
    """Addresses that ask for the people, keys and times of a history, and for `ids` of its notifications."""

    def __init__(self, history: History, ids: Sequence[UUID], chance: random.Random) -> None:
        self._history = history
        self._ids = ids
        self._chance = chance

    def of(self, endpoints: Sequence[Endpoint]) -> Mapping[str, Ask]:
        """Return the questions of all pages by name, without the frames, which are parts of the answer to a form.

        Raise NotifierError for a parameter that has no value here.
        """
        asked = (each.path for each in endpoints if each.method == "GET" and each.path != FRAME)
        return dict(pair for path in asked for pair in self._of(path))

    def _of(self, path: str) -> Iterator[tuple[str, Ask]]:
        for verb in ("redrive", "cancel") if "{verb}" in path else ("",):
            address = path.replace("{verb}", verb)
            unknown = {name for name in _PARAMETER.findall(address) if name not in self._values()}
            if unknown:
                raise NotifierError(f"bench.console has no value for {', '.join(sorted(unknown))} of {path}")
            for name, query in self._queries(path).items():
                yield f"{address} {name}".strip(), self._ask(address, query)

    def _ask(self, path: str, query: Callable[[], Mapping[str, str]]) -> Ask:
        def ask() -> str:
            values = self._values()
            address = _PARAMETER.sub(lambda found: values[found[1]], path)
            return f"{address}?{urlencode(given)}" if (given := query()) else address

        return ask

    def _values(self) -> dict[str, str]:
        return {"id": str(self._chance.choice(self._ids)), "channel": "email", "number": "1", "shard": "1"}

    def _queries(self, path: str) -> Mapping[str, Callable[[], Mapping[str, str]]]:
        """What stands behind the question mark, by name."""
        if path in ("/notifications", "/notifications/count", "/notifications/all/{verb}"):
            found = self._filters()
            return found if path != "/notifications" else {**found, **self._cursors()}
        return {
            "/": {"": dict, "of the day": lambda: {"span": "day"}},
            "/live": {"": dict, "of the day": lambda: {"span": "day"}},
            "/operations": {
                "": dict,
                "of one": lambda: {"actor": f"operator-{self._chance.randrange(30)}"},
                "about": lambda: {"about": f"{self._chance.randrange(10_000)}"},
            },
            "/suppressions": {
                "": dict,
                "of one": lambda: {"channel": "email", "address": self._person()},
                "of a channel": lambda: {"channel": "email"},
            },
            "/shards/tree": {"": dict, "finished": lambda: {"finished": "show"}},
            "/shards/rewind": {
                "": dict,
                "of a table": lambda: {"table": "activity", "since": self._moment().isoformat()},
            },
        }.get(path, {"": dict})

    def _filters(self) -> Mapping[str, Callable[[], Mapping[str, str]]]:
        chance, history = self._chance, self._history

        def hour() -> Mapping[str, str]:
            since = self._moment()
            return {"since": since.isoformat(), "until": (since + timedelta(hours=1)).isoformat()}

        return {
            "": dict,
            "all days": lambda: {"period": "all"},
            "an hour": hour,
            "recipient": lambda: {"find": self._person()},
            "recipient of many": lambda: {"find": EVERYBODY},
            "recipient, failed": lambda: {"find": self._person(), "status": "failed"},
            "recipient that is unknown": lambda: {"find": "nobody@example.com"},
            "key": lambda: {"find": f"user#{chance.randrange(history.people)}"},
            "sort key": lambda: {"find": f"request#{chance.randrange(history.rows)}"},
            "id": lambda: {"find": str(chance.choice(self._ids))},
            "beginning of an id": lambda: {"find": str(chance.choice(self._ids))[:11]},
            "failed": lambda: {"status": "failed"},
            "failed, all days": lambda: {"status": "failed", "period": "all"},
            "complained, all days": lambda: {"status": "complained", "period": "all"},
            "failed for a reason": lambda: {"status": "failed", "because": "after 13 s", "period": "all"},
            "reason": lambda: {"because": "no such mailbox"},
            "route": lambda: {"route": "friend_request"},
            "rare route": lambda: {"route": RARE_ROUTE, "period": "all"},
            "route that is unknown": lambda: {"route": "unheard", "period": "all"},
            "table and channel": lambda: {"table": "activity", "channel": "email"},
        }

    def _cursors(self) -> Mapping[str, Callable[[], Mapping[str, str]]]:
        return {
            "older": lambda: {"period": "all", "older": self._cursor()},
            "newer": lambda: {"period": "all", "newer": self._cursor()},
            "failed, older": lambda: {"period": "all", "status": "failed", "older": self._cursor()},
            "recipient of many, older": lambda: {"find": EVERYBODY, "older": self._cursor()},
        }

    def _person(self) -> str:
        return self._history.address(self._chance.randrange(self._history.people))

    def _moment(self) -> datetime:
        back = timedelta(days=self._chance.uniform(0, self._history.days))
        return (datetime.now(UTC) - back).replace(microsecond=0, tzinfo=None)

    def _cursor(self) -> str:
        return str(first_id(int(self._moment().replace(tzinfo=UTC).timestamp() * 1000)))
