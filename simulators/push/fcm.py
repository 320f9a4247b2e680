"""What Firebase Cloud Messaging answers, by its HTTP v1 API, and a key for it."""

from functools import cache
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PROJECT = "a-project"
_FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


def service_account(token_url: str) -> dict[str, str]:
    """Return the key file of a service account."""
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "1",
        "private_key": _private_key(),
        "client_email": f"push@{PROJECT}.example.com",
        "client_id": "1",
        "token_uri": token_url,
    }


def accepted(path: str) -> dict[str, Any]:
    project = path.removeprefix("/v1/projects/").partition("/")[0]
    return {"name": f"projects/{project}/messages/0:{uuid4().hex}"}


def refused(status: int, code: str, quoted: str) -> tuple[int, dict[str, Any]]:
    """Return status and body of a refusal that quotes a text."""
    error = {"code": status, "message": f"Refused: {quoted}", "status": code, "details": []}
    return status, {"error": {**error, "details": [{"@type": _FCM_ERROR, "errorCode": code}] if code else []}}


@cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
