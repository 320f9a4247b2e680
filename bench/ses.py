"""What a mail costs the client, in CPU: `python -m bench.ses`. Stock boto3, and the channel `email` in its two modes.

The mails have 2 KB of HTML and three headers. The server is another process, on loopback, without TLS.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal
from uuid import uuid4

import boto3

from bench.fixed_ses import ENTRIES, fixed_ses
from bench.processes import machine
from notifier.messages import Email, EmailContent, Message
from notifier.outcomes import Accepted
from notifier.settings import Settings
from sandbox.processes import stopped_by_signals
from workers.channels.ses import SesChannel
from workers.channels.ses_request import send_email_request

SENDER = "Harbour <hello@example.com>"
UNIT = 10 * ENTRIES
_TEXT = "Somebody wants to be your friend. " * 10
_HTML = '<tr><td class="line">Somebody wants to be your friend.</td></tr>\n' * 32

Mail = Message[Email, EmailContent]
Send = Callable[[Sequence[Mail]], None]


def mails(number: int) -> list[Mail]:
    headers = {"X-Topic": "friends", "List-Unsubscribe": "<https://example.com/u/0123456789>"}
    return [
        Message(
            uuid4(), 1, Email(f"user{n}@example.com", "any", headers=headers), EmailContent("Hello", _TEXT, _HTML)
        )
        for n in range(number)
    ]


def stock(url: str) -> Iterator[Send]:
    """boto3 as everybody uses it, with no setting of ours."""
    client = boto3.client("sesv2", endpoint_url=url, region_name="eu-west-1")

    def send(unit: Sequence[Mail]) -> None:
        for mail in unit:
            client.send_email(**send_email_request(mail, SENDER, "events"))

    with closing(client):
        yield send


def channel(url: str, mode: Literal["bulk", "single"]) -> Iterator[Send]:
    settings = Settings.model_validate(
        {
            "database_url": "postgresql://unused",
            "broker_url": "redis://unused",
            "sender": SENDER,
            "ses_configuration_set": "events",
            "ses_mode": mode,
            "aws_region": "eu-west-1",
            "aws_ses_endpoint_url": url,
        }
    )
    with closing(SesChannel(settings)) as made:

        def send(unit: Sequence[Mail]) -> None:
            outcomes = made.send(unit)
            assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes[0]  # noqa: S101

        yield send


def measure(opened: Iterator[Send], units: int) -> dict[str, float]:
    """After one unit to warm up: microseconds of this process's CPU for each mail, and mails a second."""
    with contextmanager(lambda: opened)() as send:
        send(mails(UNIT))
        waiting = [mails(UNIT) for _ in range(units)]
        wall, cpu = time.perf_counter(), time.process_time()
        for unit in waiting:
            send(unit)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    sent = units * UNIT
    return {"cpu_us_per_mail": round(cpu / sent * 1e6, 1), "mails_per_second": round(sent / wall)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ses", description=__doc__)
    parser.add_argument("--mails", type=int, default=20_000, help="of bulk mode; a quarter of it singly")
    arguments = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    units = max(arguments.mails // UNIT, 4)
    with stopped_by_signals(), tempfile.TemporaryDirectory() as folder, fixed_ses(Path(folder)) as url:
        result = {
            "boto3": measure(stock(url), units // 4),
            "single": measure(channel(url, "single"), units // 4),
            "bulk": measure(channel(url, "bulk"), units),
        }
    print(json.dumps({**result, "machine": machine()}))


if __name__ == "__main__":
    main()
