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


@dataclass(frozen=True, slots=True)
class Account:
    """The account. Without identities every sender may send; without configuration sets every one exists."""

    region: str = "eu-west-1"
    account_id: str = "000000000000"
    identities: Collection[str] = ()
    configuration_sets: Collection[str] = ()

    @property
    def topic(self) -> str:
        """The ARN of the SNS topic to which its events are published."""
        return f"arn:aws:sns:{self.region}:{self.account_id}:ses-events"

    def check(self, envelope: Envelope) -> None:
        """Raise ApiError if the sender is not verified or the configuration set does not exist."""
        limits.check_identity(envelope.sender, self.identities)
        if envelope.configuration_set is not None and not self.has(envelope.configuration_set):
            # SES answers BadRequestException here, although its API model has a NotFoundException.
            raise bad_request(f"Configuration set <{envelope.configuration_set}> does not exist.")

    def check_configuration_set(self, name: str) -> None:
        if not self.has(name):
            raise ApiError("NotFoundException", f"Configuration set <{name}> does not exist.")

    def has(self, configuration_set: str) -> bool:
        return not self.configuration_sets or configuration_set in self.configuration_sets

    def describe(self, rate: float | None, sent: int) -> dict[str, Any]:
        """Return the response of GetAccount; `sent` is how many mails were sent in the last 24 hours."""
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
        """Return the response of GetEmailIdentity. Raise ApiError if it is not verified."""
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
        """Return the response of GetConfigurationSet. Raise ApiError if there is none of this name."""
        self.check_configuration_set(name)
        return {
            "ConfigurationSetName": name,
            "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
            "ReputationOptions": {"ReputationMetricsEnabled": True},
            "SendingOptions": {"SendingEnabled": True},
            "Tags": [],
        }

    def event_destinations(self, name: str, kinds: Iterable[str]) -> dict[str, Any]:
        """Return one SNS destination with the kinds that are published; none if no events are published."""
        self.check_configuration_set(name)
        types = sorted(kind.upper().replace(" ", "_") for kind in kinds)
        destination = {
            "Name": "events",
            "Enabled": True,
            "MatchingEventTypes": types,
            "SnsDestination": {"TopicArn": self.topic},
        }
        return {"EventDestinations": [destination] if types else []}
