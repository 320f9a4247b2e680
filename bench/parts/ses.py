"""The CPU that a client of SES needs for a mail: `python -m bench.parts.ses`. boto3, and `email` in both modes.

The mails have 2 KB of HTML and three headers, and are sent in units of 500. The server is another process, reached
by loopback and without TLS.
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Literal
from uuid import uuid4

import boto3

from bench.measure.command import whole_number, workspace
from bench.measure.processes import machine
from bench.ses_stub.process import ses_stub
from notifier.messages import Email, EmailContent, Message
from notifier.outcomes import Accepted
from notifier.settings import Settings
from workers.channels.ses import SesChannel
from workers.channels.ses.request import SesMessage, send_email_request

SENDER = "Harbour <hello@example.com>"
UNIT = 500
_HEADERS = {"X-Topic": "friends", "List-Unsubscribe": "<https://example.com/u/0123456789>"}
_CONTENT = EmailContent(
    "Hello", "You have a friend. " * 16, '<tr><td class="line">You have a friend.</td></tr>\n' * 40
)

Send = Callable[[Sequence[SesMessage]], None]


@contextmanager
def stock(url: str) -> Iterator[Send]:
    """boto3 with default settings."""
    client = boto3.client("sesv2", endpoint_url=url, region_name="eu-west-1")

    def send(unit: Sequence[SesMessage]) -> None:
        for mail in unit:
            client.send_email(**send_email_request(mail, SENDER, "events"))

    with closing(client):
        yield send


@contextmanager
def channel(url: str, mode: Literal["bulk", "single"]) -> Iterator[Send]:
    """The channel `email` in this mode."""
    given = {
        "database_url": "postgresql://unused",
        "broker_url": "redis://unused",
        "sender": SENDER,
        "ses_configuration_set": "events",
        "ses_mode": mode,
        "aws_region": "eu-west-1",
        "aws_ses_endpoint_url": url,
    }
    with closing(SesChannel(Settings.model_validate(given))) as made:

        def send(unit: Sequence[SesMessage]) -> None:
            outcomes = made.send(unit)
            assert all(isinstance(each, Accepted) for each in outcomes), outcomes[0]  # noqa: S101

        yield send


def measure(way: AbstractContextManager[Send], units: int) -> dict[str, float]:
    """Microseconds of CPU of this process for a mail, and mails per second, after one unit as a warm-up."""
    with way as send:
        send(_unit())
        waiting = [_unit() for _ in range(units)]
        wall, cpu = time.perf_counter(), time.process_time()
        for unit in waiting:
            send(unit)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    sent = units * UNIT
    return {"cpu_us_per_mail": round(cpu / sent * 1e6, 1), "mails_per_second": round(sent / wall)}


def _unit() -> list[SesMessage]:
    emails = (Email(f"user{number}@example.com", "any", headers=_HEADERS) for number in range(UNIT))
    return [Message(uuid4(), 1, email, _CONTENT) for email in emails]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.parts.ses", description=__doc__)
    parser.add_argument(
        "--units", type=whole_number, default=40, help="of 500 mails in bulk; a quarter of them one by one"
    )
    units = parser.parse_args().units
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with workspace() as folder, ses_stub(folder) as ses:
        result = {
            "boto3": measure(stock(ses.url), -(-units // 4)),
            "single": measure(channel(ses.url, "single"), -(-units // 4)),
            "bulk": measure(channel(ses.url, "bulk"), units),
        }
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
