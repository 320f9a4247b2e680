"""The variables with which programs of the user find the system of `notifier up`, as `notifier env` prints them."""

import shlex
from collections.abc import Iterable, Mapping

from sandbox.system import CREDENTIALS, System

_OTHER_ACCOUNTS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
"""Variables of a user's shell that lead the AWS SDK to an account, or away from the endpoints."""


def system_variables(system: System) -> dict[str, str]:
    """Return the variables of the system, for `notifier` and for the AWS SDK of any language."""
    region = system.environment["NOTIFIER_AWS_REGION"]
    of_services = dict.fromkeys(("DYNAMODB", "DYNAMODB_STREAMS", "SQS"), system.aws.url)
    of_services |= dict.fromkeys(("SES", "SESV2", "SNS"), system.ses.url)
    return {
        **system.environment,
        **CREDENTIALS,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": system.aws.url,
        **{f"AWS_ENDPOINT_URL_{service}": url for service, url in of_services.items()},
    }


def shell_lines(variables: Mapping[str, str], others: Iterable[str]) -> list[str]:
    """Return commands for a POSIX shell that set the variables, and remove what would lead elsewhere.

    `others` are the names that are set in that shell.
    """
    ours = {name for name in others if name.startswith(("NOTIFIER_AWS_", "AWS_ENDPOINT_URL_"))}
    removed = sorted((ours | (set(others) & {*_OTHER_ACCOUNTS})) - set(variables))
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return [*([f"unset {' '.join(removed)}"] if removed else []), *lines]
