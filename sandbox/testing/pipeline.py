"""The whole way of an event in one process: recorded, published, delivered, settled, each when the test says so."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from bridge.deadlines import Deadlines, capability_of
from bridge.feedback.envelope import MessageParser
from bridge.relay import Relay
from bridge.stream.intake import Intake
from notifier.broker import Broker
from notifier.channels import Channel, silence
from notifier.database.engine import Engine, connect
from notifier.errors import UsageError
from notifier.feedback import DeadLetter, Feedback
from notifier.outbox import OptOuts, Partitions, Publications, Recording, Report, Settlement, Unknowns
from notifier.outbox.operator.totals import balances
from notifier.routes import Routes
from notifier.routes.loading import load_routes, shadowed
from notifier.settings import Settings
from notifier.status_updates import wanted_of
from notifier.templates import Templates
from notifier.testing import Behaviour, PlainMessage
from notifier.testing.items import Item, record_of
from notifier.unsubscribe import UnsubscribeLinks
from sandbox.given_settings import GivenSettings
from sandbox.testing.channels import EMAIL
from sandbox.testing.clock import DatabaseClock
from sandbox.testing.deliveries import PlainDelivery, check_settled, read_deliveries
from sandbox.testing.delivering import TestWorkers
from sandbox.testing.objects import S3Objects
from sandbox.testing.servers import TestServers
from sandbox.testing.ses import FAULTS, SimulatedSes
from sandbox.testing.shard import TestShards

_OWNER = "test"
_MOST_ROUNDS = 1_000
DEFAULTS: Mapping[str, Any] = {
    "sender": "Tests <tests@example.com>",
    "ses_configuration_set": "notifier",
    "aws_region": "eu-west-1",
    "smtp_host": "smtp.invalid",
    "unsubscribe_url": "https://unsubscribe.example.com",
    "unsubscribe_keys": "tests-tests-tests-tests-tests-tests",
    "webhook_secret": "whsec_dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHM=",
    "allow_nondurable_database": True,
}
"""Settings where a test gives none. Nothing is sent to other machines."""


class Pipeline:
    """The way of events through bridge, workers and feedback, on a database and a broker of this test's own.

    Each call returns when everything that is due has been done. What waits for a time waits for `advance`.

        def test_the_buyer_is_told_at_nine(pipeline):
            pipeline.at(datetime(2027, 1, 4, 23, tzinfo=UTC))
            pipeline.put({"pk": "order#17", "status": "paid", "email": "ana@example.com"})
            pipeline.settled(pending=1)
            pipeline.advance(timedelta(hours=10))
            assert [mail.to for mail in pipeline.mails] == ["ana@example.com"]
            pipeline.settled(delivered=1)
    """

    def __init__(self, engine: Engine, settings: Settings, routes: Routes, ses: SimulatedSes, email: Channel) -> None:
        """`email` is the channel of that name, which sends to `ses`."""
        self._engine = engine
        self._settings = settings
        self._routes = routes
        self._channels = sorted({channel for route in routes for channel in route.channels})
        self._ses = ses
        self._clock = DatabaseClock(engine, datetime.now(UTC).replace(microsecond=0))
        templates = Templates.of(settings, routes.source)
        self.s3 = S3Objects()
        """The objects of S3 to attach: `pipeline.s3["s3://invoices/17.pdf"] = b"%PDF"`. Others are missing."""
        self._workers = TestWorkers(engine, settings, routes, templates, email, self.s3)
        self._broker = Broker(settings.broker_url.get_secret_value(), origin=_OWNER)
        self._publications = Publications(engine, settings.look_again_seconds, routes.lanes)
        recording = Recording(engine, Partitions(engine))
        intake = Intake(
            recording, self._publications, self._broker, routes, settings.queue_high_water, settings.not_before
        )
        self._shards = TestShards(engine, intake, _OWNER)
        self._deadlines = Deadlines(
            Unknowns(engine, settings.unknown_after_seconds, settings.ses_configuration_set),
            routes,
            partial(silence, settings=settings),
            partial(capability_of, settings=settings),
        )
        self._settlement = Settlement(
            engine, channel=EMAIL, actor=_OWNER, configuration_set=settings.ses_configuration_set
        )

    @property
    def now(self) -> datetime:
        """The time of the pipeline, in UTC. It stands still: at the beginning it is that of this machine."""
        return self._clock.now

    def at(self, time: datetime) -> None:
        """Set the time, and do what is due by then.

        Raise UsageError for a time before `now`, unless there was no record yet.
        """
        self._clock.set(time)
        self.run()

    def advance(self, time: timedelta) -> None:
        """Let so much time pass, and do what is due by then."""
        self.at(self.now + time)

    def put(
        self,
        new: Item | None = None,
        *,
        table: str = "",
        old: Item | None = None,
        on: str | None = None,
        keys: Sequence[str] = ("pk", "sk"),
        expired_by_ttl: bool = False,
    ) -> None:
        """Let a change of an item happen now, and do all that follows at once.

        Raise UsageError if no route is for `table`, or if it is not given and the routes are for several; other
        arguments are those of `notifier.testing.event_of`.
        """
        self.put_all([new], table=table, old=old, on=on, keys=keys, expired_by_ttl=expired_by_ttl)

    def put_all(self, items: Sequence[Item | None], *, table: str = "", **options: Any) -> None:
        """Let changes of several items happen now, in one page of the stream. The options are those of `put`."""
        table = self._table(table)
        self._clock.forward_only = True
        records = [
            record_of(new=each, at=self.now, sequence_number=self._shards.next_number(), **options) for each in items
        ]
        self._shards.take(table, records)
        self.run()

    def fail_next(self, behaviour: Behaviour, times: int = 1, channel: str = "email") -> None:
        """Let the provider of a channel treat the next requests so: `Behaviour.REFUSE`, THROTTLE, CUT or UNREACHABLE.

        `CUT`: it accepts, and the answer is lost. Raise UsageError for HANG, which would take the time of a lease,
        and for a channel that no route has.
        """
        if behaviour in (Behaviour.HANG, Behaviour.ACCEPT):
            raise UsageError(f"fail_next takes REFUSE, THROTTLE, CUT or UNREACHABLE, not {behaviour.name}")
        if channel not in self._channels:
            raise UsageError(f"no route is on the channel {channel!r}: they are on {', '.join(self._channels)}")
        if channel == EMAIL and behaviour in FAULTS:
            self._ses.fail_next(behaviour, times)
        else:
            self._workers.fail_next(channel, behaviour, times)

    def unsubscribe(self, message: PlainMessage) -> None:
        """Let the recipient opt out of the message's topic, as a click on the link of the mail does.

        Raise AssertionError if the message has no header List-Unsubscribe.
        """
        links, link = UnsubscribeLinks.of(self._settings), message.headers.get("List-Unsubscribe", "")
        found = links.read(link.strip("<>").rpartition("/")[2]) if links else None
        if found is None:
            raise AssertionError(f"the message to {message.to} has no link to unsubscribe: {link or 'no header'}")
        opt_outs = OptOuts(self._engine, actor=_OWNER, topics=[found.topic])
        opt_outs.change(found.channel, found.address, leave=[found.topic])

    def run(self) -> None:
        """Do all that is due: publish, deliver, settle. Called by the methods that change something."""
        relay = Relay(
            self._engine,
            self._publications,
            self._broker,
            self._settings.queue_high_water,
            self._settings.unknown_after_seconds,
        )
        for _ in range(_MOST_ROUNDS):
            relay.run_once()
            self._deadlines.run_once()
            if not self._workers.deliver_all(self._channels) + self._settle():
                return
        raise AssertionError(
            f"after {_MOST_ROUNDS} rounds deliveries are still due: does a route return a Later of 0?"
        )

    @property
    def deliveries(self) -> list[PlainDelivery]:
        """What has become of each notification, in the order of their records."""
        return read_deliveries(self._engine)

    @property
    def mails(self) -> list[PlainMessage]:
        """The mails that SES accepted, the oldest first."""
        return [self._ses.message(each) for each in self._ses.receipts()]

    @property
    def messages(self) -> list[PlainMessage]:
        """What all providers accepted: first the mails, then what the other channels sent, each in its order."""
        return self.mails + [message for _, message in self._workers.acceptances.messages]

    def settled(self, **expected: int) -> None:
        """Assert that everything has ended: each record is accounted for, each delivery final, and each one that was
        sent was accepted exactly once.

            pipeline.settled()
            pipeline.settled(delivered=2, skipped=1)  # these deliveries and no others
            pipeline.settled(pending=1)  # one waits, for a retry or for the time that its route said

        Raise AssertionError, with a line for each delivery. A mail is `delivered` once the event of SES is settled,
        which is at once here; on other channels the last status is `sent`.
        """
        check_settled(self.deliveries, self._accepted(), expected, list(self._problems()))

    def close(self) -> None:
        """Close its connections."""
        self._workers.close()
        self._broker.close()

    def _table(self, given: str) -> str:
        """Return the table, or the only one of the routes if none is given."""
        tables = sorted({each.table for each in self._routes})
        if given and given not in tables:
            raise UsageError(f"no route is for the table {given!r}: they are for {', '.join(tables)}")
        if given:
            return given
        if len(tables) != 1:
            raise UsageError(f"name the table, as table={tables[0]!r}: the routes are for {', '.join(tables)}")
        return tables[0]

    def _settle(self) -> int:
        """Settle the events that SES has published. Return how many."""
        parser, bodies = MessageParser(None), self._ses.take_events(self.now)
        events: list[Feedback] = []
        letters: list[DeadLetter] = []
        for found in map(parser.parse, bodies):
            if isinstance(found, DeadLetter):
                letters.append(found)
            elif isinstance(found, list):
                events += found
        if events or letters:
            self._settlement.settle(events, letters)
        self._settlement.note_settled_before()
        return len(bodies)

    def _accepted(self) -> list[UUID]:
        mails = [UUID(nid) for each in self._ses.receipts() if (nid := each.envelope.tag("nid"))]
        return mails + [id_ for id_, _ in self._workers.acceptances.messages]

    def _problems(self) -> Iterator[str]:
        """Yield what is wrong beside the deliveries themselves."""
        report = Report(self._engine)
        shards, stranded = report.audit()
        for each in shards:
            if not balances(each):
                yield f"not every record of the shard {each['shard_id']} is accounted for: {dict(each)}"
        yield from (f"nothing moves on {each}" for each in stranded)
        yield from (f"a record is in quarantine: {each['error']}" for each in report.quarantine())


@contextmanager
def pipeline(servers: TestServers, given: Mapping[str, Any]) -> Iterator[Pipeline]:
    """A pipeline with these settings, by their names without NOTIFIER_, for the block.

    Raise the NotifierError that names what is wrong with the routes, the templates or the settings.
    """
    servers.ses.reset()
    with servers.database() as database:
        settings = GivenSettings(
            **{
                **DEFAULTS,
                **given,
                "database_url": database,
                "broker_url": servers.broker(),
                "aws_ses_endpoint_url": servers.ses.url,
            }
        )
        routes = shadowed(load_routes(settings.routes).asking_for(wanted_of(settings.status_updates)), settings)
        engine = connect(database, pool_size=0, application="notifier test")
        try:
            made = Pipeline(engine, settings, routes, servers.ses, servers.email(settings))
            try:
                yield made
            finally:
                made.close()
        finally:
            engine.dispose()
