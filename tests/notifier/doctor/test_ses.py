"""What is wrong with an account of SES is found and named, each with a simulator in that state."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from notifier.doctor.finding import Level
from notifier.doctor.ses.account import quota
from notifier.doctor.ses.identities import identities_of
from sandbox.embedded.allocation import free_port
from sandbox.embedded.ses import SesServer, ses_simulator
from tests.notifier.doctor.conftest import Diagnose, Diagnosis

SES = ("account", "identities", "configuration-set")
QUEUE = "http://127.0.0.1:1/000000000000/ses-events"

Ask = Callable[..., Diagnosis]


@pytest.fixture
def ask(diagnose: Diagnose, tmp_path: Path) -> Iterator[Ask]:
    """Runs the checks of SES against a simulator with these options: `ask("--sandbox", sender="...")`."""
    with ExitStack() as stack:

        def run(
            *options: str,
            faults: tuple[dict[str, object], ...] = (),
            checks: tuple[str, ...] = SES,
            **given: str,
        ) -> Diagnosis:
            ses = stack.enter_context(ses_simulator(tmp_path, "--queue-url", QUEUE, *options))
            add(ses, *faults)
            return diagnose(*checks, aws_ses_endpoint_url=ses.url, **given)

        yield run


def add(ses: SesServer, *rules: dict[str, object]) -> None:
    from urllib.request import Request, urlopen

    with urlopen(Request(f"{ses.url}/_sim/faults", orjson.dumps(rules), method="POST"), timeout=10):
        pass


def refused(operation: str, code: str) -> dict[str, object]:
    return {"kind": "refuse", "match": {"operation": operation}, "code": code}


def test_a_good_account(ask: Ask) -> None:
    found = ask("--identity", "example.com")
    assert len(found.at(Level.GOOD)) == len(found) == 7
    assert "SES may send as hello@example.com (by example.com), with DKIM" in found.at(Level.GOOD)


def test_an_account_in_the_sandbox(ask: Ask) -> None:
    ask("--sandbox").the(Level.DOUBTFUL, "in SES's sandbox", "production access")


@pytest.mark.parametrize("option", [("--sending-paused",), ("--enforcement", "SHUTDOWN")])
def test_an_account_that_sends_nothing(ask: Ask, option: tuple[str, ...]) -> None:
    ask(*option).the(Level.WRONG, "SES sends nothing for this account", "SES console")


def test_an_account_that_is_watched(ask: Ask) -> None:
    ask("--enforcement", "PROBATION").the(Level.DOUBTFUL, "enforcement: PROBATION", "bounces and complaints")


def test_a_rate_above_that_of_the_account(ask: Ask) -> None:
    found = ask("--rate", "14", rates="email=50")
    found.the(Level.WRONG, "email=50, and SES allows 14 a second", "leave email out")
    assert ask("--rate", "14", rates="email=10").at(Level.WRONG) == []


def test_a_quota_of_a_day_that_is_nearly_used() -> None:
    account = {"SendQuota": {"MaxSendRate": 14.0, "Max24HourSend": 50_000.0, "SentLast24Hours": 49_000.0}}
    assert [each.level for each in quota(account, {})] == [Level.GOOD, Level.DOUBTFUL]
    account["SendQuota"]["SentLast24Hours"] = 100.0
    assert [each.level for each in quota(account, {})] == [Level.GOOD, Level.GOOD]


def test_a_sender_without_identity(ask: Ask) -> None:
    found = ask("--identity", "other.example")
    found.the(Level.WRONG, "no identity for the sender hello@example.com", "create-email-identity")


def test_a_sender_that_waits_for_its_verification(ask: Ask) -> None:
    found = ask("--identity", "other.example", "--pending-identity", "example.com")
    found.the(Level.WRONG, "does not send as hello@example.com (by example.com): its verification is pending", "DNS")


def test_a_sender_without_dkim(ask: Ask) -> None:
    found = ask("--identity", "other.example", "--identity-without-dkim", "hello@example.com")
    found.the(Level.DOUBTFUL, "does not sign with DKIM (not begun)", "CNAME")
    assert found.at(Level.WRONG) == []


def test_a_sender_that_is_no_address(ask: Ask) -> None:
    ask(sender="hello").the(Level.WRONG, "a sender is no address", "NOTIFIER_SENDER")


SENDERS = """
from notifier import Email, route

FROM = "billing@other.example"

@route(table="activity", channel="email")
def constant(event):
    return Email(to="a@example.com", template="a", sender="Shop <shop@shop.example>")

@route(table="activity", channel="email")
def named(event):
    return Email(to="a@example.com", template="a", sender=FROM)

@route(table="activity", channel="email")
def computed(event):
    return Email(to="a@example.com", template="a", sender=event.new["from"])
"""


def test_the_senders_of_routes(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "routes_with_senders.py").write_text(SENDERS)
    monkeypatch.syspath_prepend(tmp_path)
    found = ask("--identity", "example.com", "--identity", "shop.example", routes="routes_with_senders")
    found.the(Level.WRONG, "no identity for the sender billing@other.example")
    assert "SES may send as shop@shop.example (by shop.example), with DKIM" in found.at(Level.GOOD)
    assert [each for each in found.at(Level.UNKNOWN) if "computed" in each]


IDENTITIES = """
from notifier import Email, Identity, route

@route(table="activity", channel="email", identity=Identity("blue@blue.example", "blue", "tenant"))
def of_a_route(event):
    return Email(to="a@example.com", template="a")

@route(table="activity", channel="email")
def of_a_mail(event):
    return Email(to="a@example.com", template="a", configuration_set="red")
"""


def test_the_senders_and_configuration_sets_of_identities(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "routes_with_identities.py").write_text(IDENTITIES)
    monkeypatch.syspath_prepend(tmp_path)
    sets = ("--configuration-set", "notifier", "--configuration-set", "blue")
    found = ask("--identity", "example.com", *sets, routes="routes_with_identities")
    assert any("no identity for the sender blue@blue.example" in each for each in found.at(Level.WRONG))
    assert "the configuration set blue exists, and sends" in found.at(Level.GOOD)
    assert any("no configuration set red" in each for each in found.at(Level.WRONG))


TENANTS = """
from notifier import Email, Identity, route

@route(table="activity", channel="email", identity=Identity("a@green.example", "green-set", "green"))
def of_a_route(event):
    return Email(to="a@example.com", template="a")

@route(table="activity", channel="email", identity=Identity(tenant="blue"))
def of_a_mail(event):
    if event.new["red"]:
        return Email(to="a@example.com", template="a", sender="r@red.example", tenant="red")
    return Email(to="a@example.com", template="a")

@route(table="activity", channel="email", identity=Identity(tenant="blue"))
def computed(event):
    return Email(to="a@example.com", template="a", tenant=event.new["tenant"])

@route(table="activity", channel="email")
def unpacked(event):
    return Email(to="a@example.com", template="a", **event.new["identity"])
"""


@pytest.fixture
def with_tenants(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the check of tenants with routes that name some, against a simulator with these options."""
    (tmp_path / "routes_with_tenants.py").write_text(TENANTS)
    monkeypatch.syspath_prepend(tmp_path)

    def run(*options: str, faults: tuple[dict[str, object], ...] = ()) -> Diagnosis:
        given = ("--tenant", "green=green.example,green-set", "--tenant", "red=r@red.example,notifier", *options)
        return ask(*given, faults=faults, checks=("tenants",), routes="routes_with_tenants")

    return run


def test_the_tenants_of_routes(with_tenants: Ask) -> None:
    found = with_tenants("--tenant", "blue=example.com,notifier")
    assert [each.split(" sends")[0] for each in found.at(Level.GOOD)] == [
        f"the tenant {name}" for name in ("blue", "green", "red")
    ]
    (only,) = found.at(Level.UNKNOWN)
    assert "computed, unpacked: they are known only once" in only
    assert len(found) == 4


def test_a_tenant_that_does_not_exist(with_tenants: Ask) -> None:
    with_tenants().the(Level.WRONG, "SES has no tenant blue: its mails wait", "create-tenant --tenant-name blue")


def test_a_tenant_without_a_sender_or_a_configuration_set(with_tenants: Ask) -> None:
    arn = "arn:aws:ses:eu-west-1:000000000000"
    association = f"create-tenant-resource-association --tenant-name blue --resource-arn {arn}"
    found = with_tenants("--tenant", "blue=notifier")
    found.the(
        Level.WRONG, "the tenant blue has no identity for hello@example.com", f"{association}:identity/example.com"
    )
    found = with_tenants("--tenant", "blue=example.com")
    found.the(Level.WRONG, "has no configuration set for notifier", f"{association}:configuration-set/notifier")


def test_a_tenant_that_is_paused(with_tenants: Ask) -> None:
    found = with_tenants("--tenant", "blue=example.com,notifier", "--paused-tenant", "blue")
    found.the(Level.WRONG, "sends nothing for the tenant blue: it is paused", "under Tenants")


@pytest.mark.parametrize("operation", ["GetTenant", "ListTenantResources"])
def test_a_login_that_may_not_look_at_tenants(with_tenants: Ask, operation: str) -> None:
    found = with_tenants(faults=(refused(operation, "AccessDeniedException"),))
    found.the(Level.DOUBTFUL, "cannot be checked", f"allow ses:{operation}")


def test_no_tenant(ask: Ask) -> None:
    assert ask(checks=("tenants",)).at(Level.GOOD) == ["no route names a tenant of SES"]


def test_a_configuration_set_that_is_not_there(ask: Ask) -> None:
    found = ask("--configuration-set", "other")
    found.the(Level.WRONG, "no configuration set notifier", "create-configuration-set")


def test_no_configuration_set(ask: Ask) -> None:
    ask(ses_configuration_set="").the(Level.DOUBTFUL, "NOTIFIER_SES_CONFIGURATION_SET is not set", "destination")


def test_a_configuration_set_that_does_not_send(ask: Ask) -> None:
    ask("--paused-set", "notifier").the(Level.WRONG, "sending is switched off", "sending-options")


def test_events_without_send(ask: Ask) -> None:
    found = ask("--event-kinds", "Delivery", "Bounce", "Complaint", "Reject", "Rendering Failure", "DeliveryDelay")
    found.the(Level.WRONG, "without SEND", "update-configuration-set-event-destination")


def test_events_without_bounces(ask: Ask) -> None:
    found = ask("--event-kinds", "Send", "Delivery", "Complaint", "Reject", "Rendering Failure", "DeliveryDelay")
    found.the(Level.DOUBTFUL, "without BOUNCE", "update-configuration-set-event-destination")


def test_no_event_destination(diagnose: Diagnose, tmp_path: Path) -> None:
    with ses_simulator(tmp_path) as ses:
        found = diagnose("configuration-set", aws_ses_endpoint_url=ses.url)
    found.the(Level.WRONG, "no enabled event destination", "create-configuration-set-event-destination")


@pytest.mark.parametrize(
    ("operation", "others"),
    [
        ("GetAccount", 3),
        ("GetEmailIdentity", 6),
        ("GetConfigurationSet", 5),
        ("GetConfigurationSetEventDestinations", 6),
    ],
)
def test_a_login_without_the_right_to_look(ask: Ask, operation: str, others: int) -> None:
    found = ask(faults=(refused(operation, "AccessDeniedException"),))
    assert "deploy/iam/doctor.json" in found.the(Level.DOUBTFUL, "cannot be checked", f"allow ses:{operation}")
    assert found.at(Level.WRONG) == []
    assert len(found.at(Level.GOOD)) == others


def test_credentials_that_have_expired(ask: Ask) -> None:
    found = ask(faults=(refused("GetAccount", "ExpiredTokenException"),))
    found.the(Level.WRONG, "SES refuses the credentials (ExpiredTokenException)", "renew")


def test_a_clock_with_which_ses_accepts_no_signature(ask: Ask) -> None:
    rule = {**refused("GetAccount", "InvalidSignatureException"), "message": "Signature expired: 20260101T000000Z"}
    ask(faults=(rule,)).the(Level.WRONG, "the clock of this machine is wrong", "NTP")


def test_an_account_that_is_asked_too_often(ask: Ask) -> None:
    rule = {"kind": "throttle", "match": {"operation": "GetAccount"}}
    ask(faults=(rule,)).the(Level.DOUBTFUL, "throttled", "again in a minute")


def test_no_ses(diagnose: Diagnose) -> None:
    found = diagnose("account", aws_ses_endpoint_url=f"http://127.0.0.1:{free_port()}")
    found.the(Level.WRONG, "no answer from SES", "Is the endpoint right")


def test_without_email_ses_is_not_asked(diagnose: Diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "only_webhooks.py").write_text(
        "from notifier import Webhook, route\n\n"
        "@route(table='activity', channel='webhook')\ndef hook(event): return Webhook(to='https://a.example')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = diagnose(*SES, "topic", "queue", routes="only_webhooks")
    assert found.at(Level.UNKNOWN) == ["no route sends email: SES was not asked"] * 2  # of SES, and of its events


def test_an_address_is_covered_by_the_domains_above_it() -> None:
    assert identities_of("a@x.y.example") == ["a@x.y.example", "x.y.example", "y.example"]
    assert identities_of("a@example.com") == ["a@example.com", "example.com"]
