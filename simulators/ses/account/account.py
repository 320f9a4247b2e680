"""The simulated account: who may send, and what SES tells about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from simulators.ses import limits
from simulators.ses.errors import ApiError, bad_request
from simulators.ses.mail import Envelope

# What GetAccount says where the simulator has no limit.
_UNLIMITED_RATE = 100_000.0


@dataclass(frozen=True, slots=True)
class Account:
    """No identities, or no configuration sets, means that every name is good."""

    region: str = "eu-west-1"
    account_id: str = "000000000000"
    identities: frozenset[str] = frozenset()
    configuration_sets: frozenset[str] = frozenset()

    @property
    def topic(self) -> str:
        """The SNS topic that its events go to."""
        return f"arn:aws:sns:{self.region}:{self.account_id}:ses-events"

    def check(self, envelope: Envelope) -> None:
        limits.check_identity(envelope.sender, self.identities)
        if envelope.configuration_set is not None and not self.has(envelope.configuration_set):
            # Not the NotFoundException of its model: SES says no more than that the request is bad.
            raise bad_request(f"Configuration set <{envelope.configuration_set}> does not exist.")

    def check_configuration_set(self, name: str) -> None:
        if not self.has(name):
            raise ApiError("NotFoundException", f"Configuration set <{name}> does not exist.")

    def has(self, configuration_set: str) -> bool:
        return not self.configuration_sets or configuration_set in self.configuration_sets

    def describe(self, rate: float | None, sent: int) -> dict[str, Any]:
        """GetAccount; `sent` stands for the last 24 hours."""
        return {
            "DedicatedIpAutoWarmupEnabled": False,
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": True,
            "SendQuota": {
                "Max24HourSend": -1.0,
                "MaxSendRate": rate or _UNLIMITED_RATE,
                "SentLast24Hours": float(sent),
            },
            "SendingEnabled": True,
            "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
        }

    def identity(self, name: str) -> dict[str, Any]:
        if not limits.is_verified(name, self.identities):
            raise ApiError("NotFoundException", f"Email identity {name} does not exist.")
        return {
            "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": True,
            "VerificationStatus": "SUCCESS",
            "DkimAttributes": {"SigningEnabled": True, "Status": "SUCCESS", "Tokens": []},
            "Policies": {},
            "Tags": [],
        }

    def configuration_set(self, name: str) -> dict[str, Any]:
        self.check_configuration_set(name)
        return {
            "ConfigurationSetName": name,
            "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
            "ReputationOptions": {"ReputationMetricsEnabled": True},
            "SendingOptions": {"SendingEnabled": True},
            "Tags": [],
        }

    def event_destinations(self, name: str, kinds: Iterable[str]) -> dict[str, Any]:
        """One SNS destination for the kinds that are published; none where there are none."""
        self.check_configuration_set(name)
        types = sorted(kind.upper().replace(" ", "_") for kind in kinds)
        destination = {
            "Name": "events",
            "Enabled": True,
            "MatchingEventTypes": types,
            "SnsDestination": {"TopicArn": self.topic},
        }
        return {"EventDestinations": [destination] if types else []}
