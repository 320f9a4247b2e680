"""The invoice of an order, as a file."""

from collections.abc import Mapping
from typing import Any


def invoice(order: Mapping[str, Any]) -> bytes:
    """Return the text of the invoice. A real shop would make a PDF, or name one in S3: `Attachment(..., s3=...)`."""
    lines = [f"Invoice {order['number']}", f"To {order['buyer']['name']}", f"Total {order['total']:.2f} EUR"]
    return "\n".join(lines).encode()
