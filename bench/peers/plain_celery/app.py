"""The app and its task: `celery -A bench.peers.plain_celery.app worker --concurrency 2`."""

import os
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from celery import Celery
from sqlalchemy import select

from bench.peers.mail import send_email_parameters
from bench.peers.plain_celery.database import sessions
from bench.peers.plain_celery.models import Notification, Status

app = Celery("plain_celery", broker=os.environ["BROKER_URL"])


@cache
def ses() -> Any:
    return boto3.client("sesv2")


@app.task(acks_late=True, autoretry_for=(BotoCoreError, ClientError), retry_backoff=True)  # type: ignore[untyped-decorator]
def notify(event_id: str, image: dict[str, Any]) -> None:
    """Send the mail of an event, unless its row says that it was sent."""
    with sessions()() as session:
        notification = session.scalar(select(Notification).where(Notification.event_id == event_id))
        if notification is None:
            notification = Notification(event_id=event_id, recipient=image["to"]["S"])
            session.add(notification)
            session.commit()
        elif notification.status is Status.SENT:
            return
        answer = ses().send_email(**send_email_parameters(image))
        notification.status = Status.SENT
        notification.message_id = answer["MessageId"]
        session.commit()
