"""Stream records as GetRecords gives them."""

import time
from typing import Any

CREATED = int(time.time())


def record(number: int | str, **attributes: Any) -> dict[str, Any]:
    """Return an INSERT with these attributes in DynamoDB's JSON; `type` is a friend request unless given."""
    image = {"pk": {"S": f"user#{number}"}, "type": {"S": "friend_request"}, **attributes}
    return {
        "eventID": f"event-{number}",
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": CREATED,
            "Keys": {"pk": image["pk"]},
            "NewImage": image,
            "SequenceNumber": str(number),
            "SizeBytes": 60,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
