"""Opt-outs: topics about which people want no more messages. Suppressions of the kind `unsubscribe`.

The statements call functions of the owner, so that a process may change opt-outs and nothing else.
"""

from collections.abc import Collection, Sequence

from sqlalchemy import Engine

from notifier.outbox.erasure.keyed import ErasureKeys
from notifier.outbox.statements import statement

_READ = statement(__package__, "read_opt_outs.sql")
_CHANGE = statement(__package__, "change_opt_outs.sql")


class OptOuts:
    """Reads and changes what recipients have opted out of. A suppression has the `actor`: a process or an operator.

    `topics` are all that recipients can choose from. A recipient who is out of every topic and joins one stays out of
    the others of these.

        opt_outs = OptOuts(engine, actor="preferences", topics=["news", "offers"])
        opt_outs.change("email", "ana@example.com", leave=["news"])
        opt_outs.read("email", "ana@example.com")  # {"news"}
    """

    def __init__(
        self,
        engine: Engine,
        *,
        actor: str,
        topics: Sequence[str] = (),
        erasure_keys: ErasureKeys | None = None,
    ) -> None:
        self._engine = engine
        self._actor = actor
        self._topics = list(topics)
        self._erasure_keys = erasure_keys or ErasureKeys()

    def read(self, channel: str, address: str) -> set[str]:
        """Return the topics that a recipient has opted out of, as its channel spells it.

        ALL_TOPICS in it means every topic, and an empty text everything that is not transactional.
        """
        with self._engine.connect() as connection:
            values = {"channel": channel, "addresses": self._erasure_keys.known_as(channel, address)}
            return set(connection.execute(_READ, values).scalars())

    def change(self, channel: str, address: str, *, leave: Collection[str] = (), join: Collection[str] = ()) -> None:
        """Opt a recipient out of the topics `leave` and into the topics `join`; ALL_TOPICS is every topic.

        Doing it again changes nothing. What is suppressed for another reason stays suppressed.
        """
        with self._engine.begin() as connection:
            connection.execute(
                _CHANGE,
                {
                    "channel": channel,
                    "addresses": self._erasure_keys.known_as(channel, address),
                    "leaves": sorted(leave),
                    "joins": sorted(join),
                    "known": self._topics,
                    "actor": self._actor,
                },
            )
