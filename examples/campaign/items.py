"""Items of the tables `offers` and `logins`, as a marketing tool and the application write them."""

from typing import Any


def offer(name: str, product: str, **more: Any) -> dict[str, Any]:
    user = name.lower()
    return {
        "pk": f"user#{user}",
        "sk": f"offer#{product}",
        "name": name,
        "email": f"{user}@example.com",
        "consent": True,
        "product": product,
        "percent": 20,
        **more,
    }


def password_reset(name: str) -> dict[str, Any]:
    user = name.lower()
    return {"pk": f"user#{user}", "sk": "reset", "name": name, "email": f"{user}@example.com", "code": "4711"}
