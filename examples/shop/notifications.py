"""The routes of the shop: an order is paid, and leaves the warehouse."""

from datetime import timedelta
from typing import Any

from examples.shop.invoice import invoice
from notifier import Attachment, Email, Event, Later, Push, Sms, quiet_hours, route

SITE = "https://shop.example.com"


@route(table="orders", match={"status": ["paid"]}, channel="email", transactional=True)
def buyer_invoice(event: Event) -> Email:
    """The buyer gets the invoice, which is made when the mail is built."""
    item = event.new or {}
    return Email(
        to=item["buyer"]["email"],
        template="paid",
        context={"name": item["buyer"]["name"], "number": item["number"], "total": item["total"]},
        attachments=[Attachment(f"invoice-{item['number']}.txt", content=invoice(item))],
    )


@route(table="orders", match={"status": ["paid"]}, channel="email", exclusive=False)
def seller_order(event: Event) -> Email:
    """A mail to the seller about the same event."""
    item = event.new or {}
    return Email(
        to=item["seller"]["email"],
        template="sold",
        context={"name": item["seller"]["name"], "number": item["number"], "url": f"{SITE}/orders/{item['number']}"},
    )


@route(
    table="orders",
    on="MODIFY",
    match={"status": ["shipped"]},
    match_old={"status": ["paid"]},
    channel=["push", "sms", "email"],
    expires_after=timedelta(days=2),
)
def shipped(event: Event, channel: str) -> Push | Sms | Email | Later | None:
    """On the first channel that the buyer has, and not at night. Later changes of the order send nothing."""
    item = event.new or {}
    buyer: dict[str, Any] = item["buyer"]
    if until := quiet_hours("22:00-08:00", buyer["zone"]):
        return Later(until, reason="quiet hours")
    text = f"Your order {item['number']} is on its way"
    match channel:
        case "push" if "device" in buyer:
            return Push(to=buyer["device"], title="Shop", text=text)
        case "sms" if "phone" in buyer:
            return Sms(to=buyer["phone"], text=text)
        case "email":
            return Email(to=buyer["email"], template="shipped", context={"number": item["number"]})
    return None
