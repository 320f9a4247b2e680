"""Items of the table `orders`, as the shop writes them."""

from decimal import Decimal
from typing import Any


def order(status: str, number: int = 17, **more: Any) -> dict[str, Any]:
    return {
        "pk": f"order#{number}",
        "sk": "order",
        "number": number,
        "status": status,
        "total": Decimal("49.90"),
        "buyer": {
            "name": "Ana",
            "email": "ana@example.com",
            "phone": "+351912345678",
            "device": "device-of-ana",
            "zone": "Europe/Lisbon",
        },
        "seller": {"name": "Atelier Lumen", "email": "orders@lumen.example.com"},
        **more,
    }
