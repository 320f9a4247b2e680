"""Whether the tenants that routes name exist, send, and have the sender and the configuration set of their mails."""

from collections.abc import Iterator
from typing import Any

from notifier.channels import checked_address
from notifier.doctor.aws.answers import ask, opened
from notifier.doctor.finding import Finding, good, not_known, wrong
from notifier.doctor.routing import mails, need_routes
from notifier.doctor.ses import ABSENT, WHERE
from notifier.doctor.ses.account import if_email
from notifier.doctor.ses.identities import identities_of
from notifier.doctor.setup import Setup
from notifier.errors import UsageError

_PAGE = "docs/email.md"

Uses = dict[str, set[tuple[str, str]]]
"""What the mails of a tenant need: `identity` with the mailbox of the sender, `configuration-set` with its name."""


def check_tenants(setup: Setup) -> Iterator[Finding]:
    """Ask SES about the tenants that routes name."""
    if_email(setup)
    uses, computed = _used(setup)
    if not uses and not computed:
        yield good("no route names a tenant of SES")
        return
    with opened(setup, "sesv2") as client:
        for tenant, used in sorted(uses.items()):
            yield from _tenant(client, tenant, used)
    if computed:
        names = ", ".join(sorted(computed))
        yield not_known(f"the tenants of {names}: they are known only once its mails are built")


def _used(setup: Setup) -> tuple[Uses, set[str]]:
    """Return what the tenants of constants use, and the names of the routes that compute the tenant."""
    settings, uses = setup.settings, Uses()
    computed: set[str] = set()
    for route, mail in mails(need_routes(setup)):
        tenant, sender, configuration_set = (mail[each] for each in ("tenant", "sender", "configuration_set"))
        if tenant is None:
            computed.add(route)
        elif tenant:
            used = uses.setdefault(tenant, set())
            if sender is not None and (mailbox := _mailbox(sender or settings.sender)):
                used.add(("identity", mailbox))
            if configuration_set is not None and (name := configuration_set or settings.ses_configuration_set):
                used.add(("configuration-set", name))
    return uses, computed


def _mailbox(sender: str) -> str:
    """Return the mailbox of a sender; empty if it is no address, as the check `identities` says."""
    try:
        return checked_address("email", sender) if sender else ""
    except UsageError:
        return ""


def _tenant(client: Any, name: str, used: set[tuple[str, str]]) -> Iterator[Finding]:
    found = ask(WHERE, "ses:GetTenant", client.get_tenant, absent=ABSENT, TenantName=name)
    if found is None:
        yield wrong(
            f"SES has no tenant {name}: its mails wait",
            f"aws sesv2 create-tenant --tenant-name {name}, then associate its identities and configuration sets",
            _PAGE,
        )
        return
    tenant = found["Tenant"]
    if tenant.get("SendingStatus") == "DISABLED":
        yield wrong(
            f"SES sends nothing for the tenant {name}: it is paused, and its mails wait",
            "the SES console says why, under Tenants: settle the cause, and let it send again",
            _PAGE,
        )
    resources = set(_resources(client, name))
    account = str(tenant.get("TenantArn", "")).rpartition(":tenant/")[0] or "arn:aws:ses:REGION:ACCOUNT"
    lacking = [each for each in sorted(used) if not _is_covered(each, resources)]
    for kind, missing in lacking:
        resource = f"{account}:{kind}/{missing.rpartition('@')[2]}"
        yield wrong(
            f"the tenant {name} has no {kind.replace('-', ' ')} for {missing}: SES refuses its mails, and they wait",
            f"aws sesv2 create-tenant-resource-association --tenant-name {name} --resource-arn {resource}",
            _PAGE,
        )
    if not lacking and tenant.get("SendingStatus") != "DISABLED":
        yield good(f"the tenant {name} sends, and may use the senders and configuration sets that routes give it")


def _is_covered(used: tuple[str, str], resources: set[tuple[str, str]]) -> bool:
    """Return whether a resource of the tenant allows this: for a sender also one of its domains."""
    kind, name = used
    names = identities_of(name) if kind == "identity" else [name]
    return any((kind, each) in resources for each in names)


def _resources(client: Any, tenant: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the name of the tenant's resources, of all pages."""
    page: dict[str, str] = {"TenantName": tenant}
    while True:
        right = "ses:ListTenantResources"
        answer = ask(WHERE, right, client.list_tenant_resources, absent=ABSENT, **page) or {}
        for each in answer.get("TenantResources", ()):
            kind, _, name = str(each["ResourceArn"]).split(":", 5)[5].partition("/")
            yield kind, name
        if not answer.get("NextToken"):
            return
        page["NextToken"] = answer["NextToken"]
