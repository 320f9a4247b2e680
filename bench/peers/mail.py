"""The mail for an item of the table `activity`: the templates of the example, as parameters of SendEmail."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

import examples
from examples.notifications import NEWS, SITE
from notifier.templates import Templates
from sandbox.system import SENDER

_deserialize = TypeDeserializer().deserialize


@cache
def _templates() -> Templates:
    return Templates(Path(examples.__path__[0]) / "templates")


def send_email_parameters(image: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of SendEmail. `image` is the new item in the JSON of DynamoDB."""
    item = {name: _deserialize(value) for name, value in image.items()}
    content = _templates().render(item["type"], {**item, **_links(item)}, item["locale"])
    return {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": [item["to"]]},
        "Content": {
            "Simple": {
                "Subject": {"Data": content.subject},
                "Body": {"Text": {"Data": content.text}, "Html": {"Data": content.html}},
            }
        },
    }


def _links(item: Mapping[str, Any]) -> dict[str, str]:
    match item["type"]:
        case "friend_request":
            return {"url": f"{SITE}/requests/{item['from_id']}"}
        case "profile_view":
            return {"url": f"{SITE}/people/{item['viewer_id']}"}
        case _:
            return {"news": NEWS[item["status"]], "url": f"{SITE}/applications/{item['application_id']}"}
