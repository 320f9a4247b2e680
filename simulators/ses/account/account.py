"""The simulated account: its identities and configuration sets, and how SES describes them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from simulators.ses import limits
from simulators.ses.errors import bad_request
from simulators.ses.mail import Envelope
from simulators.shared.errors import ApiError

# The rate that GetAccount returns if the simulator has no limit.
_UNLIMITED_RATE = 100_000.0
_TYPES = {"DeliveryDelay": "DELIVERY_DELAY"}
"""The types of events that the API writes otherwise than the events themselves do."""
SHUTDOWN = "SHUTDOWN"
ENFORCEMENTS = ("HEALTHY", "PROBATION", SHUTDOWN)
MAILBOX_SIMULATOR = "@simulator.amazonses.com"
"""Addresses that an account in the sandbox may write to."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account. Without identities every sender may send; without configuration sets every one exists.

    `pending_identities` exist and are not verified yet. `paused_sets` are configuration sets that do not send.
    Each of `tenants` is `NAME=RESOURCE,RESOURCE`, with the identities and configuration sets that it may use; without
    any every tenant may use all. One of `paused_tenants` sends nothing; the text with which SES says so is not known.
    `enforcement` is HEALTHY, PROBATION, or SHUTDOWN, at which SES refuses every mail.
    """

    region: str = "eu-west-1"
    account_id: str = "000000000000"
    identities: Collection[str] = ()
    configuration_sets: Collection[str] = ()
    pending_identities: Collection[str] = ()
    identities_without_dkim: Collection[str] = ()
    paused_sets: Collection[str] = ()
    tenants: Collection[str] = ()
    paused_tenants: Collection[str] = ()
    sandbox: bool = False
    sending_paused: bool = False
    enforcement: str = "HEALTHY"

    @property
    def topic(self) -> str:
        """The ARN of the SNS topic to which its events are published."""
        return f"arn:aws:sns:{self.region}:{self.account_id}:ses-events"

    def check(self, envelope: Envelope) -> None:
        """Raise ApiError if the account or the configuration set sends nothing now or does not exist, or if an
        address is not verified: the sender's, in the sandbox also the recipients'.
        """
        if self.enforcement == SHUTDOWN:
            raise ApiError("AccountSuspendedException", "Your account is suspended.")
        if self.sending_paused:
            raise ApiError("SendingPausedException", "Email sending is disabled for this account.")
        self._check_identity(envelope.sender)
        if self.sandbox:
            for recipient in envelope.recipients:
                if not limits.bare(recipient).endswith(MAILBOX_SIMULATOR):
                    self._check_identity(recipient)
        if envelope.configuration_set in self.paused_sets:
            raise ApiError("SendingPausedException", f"Configuration set <{envelope.configuration_set}> is paused.")
        if envelope.configuration_set is not None and not self.has(envelope.configuration_set):
            # SES answers BadRequestException here, although its API model has a NotFoundException.
            raise bad_request(f"Configuration set <{envelope.configuration_set}> does not exist.")
        self._check_tenant(envelope)

    def _check_tenant(self, envelope: Envelope) -> None:
        """Raise ApiError if the tenant does not exist, or may not use the sender or the configuration set."""
        if envelope.tenant is None:
            return
        if envelope.tenant in self.paused_tenants:
            raise ApiError("SendingPausedException", f"Sending is paused for tenant <{envelope.tenant}>.")
        resources = self._resources_of(envelope.tenant)
        if resources is None:
            return
        used = envelope.configuration_set
        if not limits.is_verified(limits.bare(envelope.sender), resources) or (used and used not in resources):
            raise bad_request("Tenant not associated with resources.")

    def _resources_of(self, tenant: str) -> list[str] | None:
        """Return the names of the identities and configuration sets of a tenant, None for all. Raise ApiError if
        there is no such tenant.
        """
        known = {name: resources.split(",") for name, _, resources in (each.partition("=") for each in self.tenants)}
        if known and tenant not in known:
            raise ApiError("NotFoundException", f"Tenant <{tenant}> does not exist.")
        return known[tenant] if known else None

    def _check_identity(self, address: str) -> None:
        verified = (*self.identities, *self.identities_without_dkim) if self.identities else ()
        limits.check_identity(address, verified, self.pending_identities)

    def check_configuration_set(self, name: str) -> None:
        if not self.has(name):
            raise ApiError("NotFoundException", f"Configuration set <{name}> does not exist.")

    def has(self, configuration_set: str) -> bool:
        return not self.configuration_sets or configuration_set in self.configuration_sets

    def describe(self, rate: float | None, sent: int) -> dict[str, Any]:
        """Return the response of GetAccount; `sent` is how many mails were sent in the last 24 hours."""
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": self.enforcement,
            "ProductionAccessEnabled": not self.sandbox,
            "SendQuota": {
                "Max24HourSend": -1.0,
                "MaxSendRate": rate or _UNLIMITED_RATE,
                "SentLast24Hours": float(sent),
            },
            "SendingEnabled": not self.sending_paused and self.enforcement != SHUTDOWN,
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }

    def identity(self, name: str) -> dict[str, Any]:
        """Return the response of GetEmailIdentity. Raise ApiError if there is no such identity.

        A domain is one identity, and an address of it another one: SES does not look above.
        """
        pending, dkim = name in self.pending_identities, name not in self.identities_without_dkim
        if not pending and dkim and self.identities and name not in self.identities:
            raise ApiError("NotFoundException", f"Email identity {name} does not exist.")
        return {
            "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": not pending,
            "VerificationStatus": "PENDING" if pending else "SUCCESS",
            "DkimAttributes": {
                "SigningEnabled": dkim,
                "Status": ("PENDING" if pending else "SUCCESS") if dkim else "NOT_STARTED",
                "Tokens": [],
            },
            "Policies": {},
            "Tags": [],
        }

    def configuration_set(self, name: str) -> dict[str, Any]:
        """Return the response of GetConfigurationSet. Raise ApiError if there is none of this name."""
        self.check_configuration_set(name)
        return {
            "ConfigurationSetName": name,
            "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
            "ReputationOptions": {"ReputationMetricsEnabled": True},
            "SendingOptions": {"SendingEnabled": name not in self.paused_sets},
            "Tags": [],
        }

    def tenant(self, name: str) -> dict[str, Any]:
        """Return the response of GetTenant. Raise ApiError if there is none of this name."""
        self._resources_of(name)
        status = "DISABLED" if name in self.paused_tenants else "ENABLED"
        arn = f"{self._arn}:tenant/{name}/tn-1"
        return {"Tenant": {"TenantName": name, "TenantId": "tn-1", "TenantArn": arn, "SendingStatus": status}}

    def tenant_resources(self, name: str) -> list[dict[str, str]]:
        """Return the resources that ListTenantResources names. Raise ApiError if there is no tenant of this name.

        Of a tenant that may use all they are those that options name. What has a dot is an identity.
        """
        resources = self._resources_of(name)
        found = [*self.identities, *self.configuration_sets] if resources is None else resources
        return [
            {"ResourceType": "EMAIL_IDENTITY", "ResourceArn": f"{self._arn}:identity/{each}"}
            if "." in each
            else {"ResourceType": "CONFIGURATION_SET", "ResourceArn": f"{self._arn}:configuration-set/{each}"}
            for each in found
        ]

    @property
    def _arn(self) -> str:
        return f"arn:aws:ses:{self.region}:{self.account_id}"

    def event_destinations(self, name: str, kinds: Iterable[str]) -> dict[str, Any]:
        """Return one SNS destination with the kinds that are published; none if no events are published."""
        self.check_configuration_set(name)
        types = sorted(_TYPES.get(kind, kind.upper().replace(" ", "_")) for kind in kinds)
        destination = {
            "Name": "events",
            "Enabled": True,
            "MatchingEventTypes": types,
            "SnsDestination": {"TopicArn": self.topic},
        }
        return {"EventDestinations": [destination] if types else []}
