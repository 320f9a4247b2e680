"""The alarms of routes and deliveries: a route that raises, one that kills its process, a provider that rejects."""

import pytest

from tests.alarms import next_routes
from tests.alarms.faults import causes
from tests.alarms.routes import MENDED
from tests.alarms.watched import Watched, alarm
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(500)

PROCESSES = ("bridge", "worker")
OPTIONS: dict[str, str] = {}


def prepare(_: Watched) -> None:
    """Nothing is needed beside the table."""


@causes("NotifierNewRouteFails", "NotifierRouteFails", "NotifierRouteAlwaysFails")
def test_a_route_that_raises(watched: Watched) -> None:
    route = {"channel": "email", "route": "raises"}
    with watched.writing("told"):  # another route works all the while
        watched.write("raises")
        watched.expect(
            alarm("NotifierNewRouteFails", **route),
            beside=["NotifierRouteFails", "NotifierRouteAlwaysFails"],
        )
        watched.expect(alarm("NotifierRouteFails", **route), alarm("NotifierRouteAlwaysFails", **route))
        (watched.folder / MENDED).touch()
        watched.quiet()


@causes("NotifierDeliveriesFail")
def test_a_provider_that_rejects_many_at_once(watched: Watched) -> None:
    """They are counted in one go, and no other one follows."""
    with watched.writing("told"):
        watched.write("held")  # of the route that is rejected later
        wait_until(lambda: watched.prometheus.values('notifier_outbox_deliveries_total{route="held"}'), 90)
        watched.world.spoil_ses({"kind": "refuse", "match": {"recipient": "held-*"}})
        watched.write("held", 20)
        watched.expect(alarm("NotifierDeliveriesFail", channel="email"))
        watched.world.heal()
        watched.quiet()


@causes("NotifierRouteMissing")
def test_a_deploy_that_removes_a_route_for_which_deliveries_wait(watched: Watched) -> None:
    """With the route they are sent: a worker of the version before runs again."""
    worker = watched.child("worker")
    worker.stop()
    watched.write("told", 3)
    later = watched.start("next-worker", NOTIFIER_ROUTES=next_routes.__name__)
    watched.expect(alarm("NotifierRouteMissing", channel="email"))
    later.stop()
    accepted = watched.world.ses.accepted()
    watched.start("worker")
    wait_until(lambda: watched.world.ses.accepted() >= accepted + 3, 90)
    watched.quiet()


@causes("NotifierPartParked")
def test_a_tenant_that_lacks_an_association(watched: Watched) -> None:
    """Its mails wait, the others are sent."""
    lacks = {"code": "BadRequestException", "message": "Tenant not associated with resources.", "status": 400}
    watched.world.spoil_ses({"kind": "refuse", "match": {"recipient": "tenant-*"}, **lacks})
    with watched.writing("tenant"), watched.writing("told"):
        watched.expect(alarm("NotifierPartParked", channel="email"))
        accepted = watched.world.ses.accepted()
        wait_until(lambda: watched.world.ses.accepted() > accepted, 90)
    watched.world.heal()
    watched.quiet()


@causes("NotifierRouteKills")
def test_an_event_that_kills_its_worker(watched: Watched) -> None:
    """The worker dies of it. The next one is another process: its counters begin when it does."""
    watched.write("kills")
    worker = watched.child("worker")
    wait_until(lambda: worker.exit_code is not None or not watched.is_ready("worker"), 90)
    watched.start("next-worker")
    watched.expect(alarm("NotifierRouteKills", channel="email"), beside=FAILED)
    watched.quiet(beside=FAILED)


FAILED = (
    "NotifierDeliveriesFail",
    "NotifierNewRouteFails",
    "NotifierRouteFails",
    "NotifierRouteAlwaysFails",
)
"""The notification fails in the end, and counts as an error of its route."""
