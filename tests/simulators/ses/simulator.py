"""The simulator as a process, with a client of boto3 and of its control API."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config

SENDER = "Acme <no-reply@acme.example>"


class Simulator:
    """A running simulator. `client` is of boto3, without retries and with a read timeout of half a second."""

    def __init__(self, process: subprocess.Popen[str], journal: Path) -> None:
        self.process = process
        self.journal = journal
        self.url = process.stdout.readline().strip()
        self.client = boto3.client(
            "sesv2",
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=0.5, parameter_validation=False),
        )

    def request(self, path: str, method: str = "GET", body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data, method=method), timeout=10) as answer:
            return json.load(answer)

    def add_faults(self, *rules: dict) -> list[dict]:
        return self.request("/_sim/faults", "POST", rules)

    def counts(self) -> dict:
        return self.request("/_sim/counts")

    def accepted(self) -> int:
        return len(self.lines())

    def lines(self) -> list[dict]:
        """The lines of the journal on disk."""
        return [json.loads(line) for line in self.journal.read_bytes().splitlines()]

    def newest(self) -> dict:
        newest = self.request("/_sim/inbox?limit=1")["mails"][0]
        return self.request(f"/_sim/inbox/{newest['id']}")

    def send(self, to: str = "ann@example.com", nid: str = "n1", **more: Any) -> dict:
        return self.client.send_email(**simple(to, nid) | more)

    def bulk(self, *entries: dict, **more: Any) -> list[dict]:
        return self.client.send_bulk_email(**bulk(*entries) | more)["BulkEmailEntryResults"]


def simple(to: str = "ann@example.com", nid: str = "n1") -> dict:
    return {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": [to]},
        "Content": {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Good day"}}}},
        "EmailTags": tags(nid=nid, att="1"),
    }


def tags(**values: str) -> list[dict]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


def bulk(*entries: dict) -> dict:
    content = {"Subject": "{{subject}}", "Text": "{{text}}", "Html": "{{html}}"}
    return {
        "FromEmailAddress": SENDER,
        "DefaultContent": {"Template": {"TemplateContent": content, "TemplateData": "{}"}},
        "BulkEmailEntries": list(entries),
    }


def entry(to: str = "ann@example.com", nid: str = "n1", **values: Any) -> dict:
    data = {"subject": "Hello", "text": "Good day", "html": "<p>Good day</p>"} | values
    return {
        "Destination": {"ToAddresses": [to]},
        "ReplacementTags": tags(nid=nid, att="1"),
        "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": json.dumps(data)}},
    }


@contextmanager
def simulator(journal: Path, *options: str) -> Iterator[Simulator]:
    """Run a simulator. At the end it gets SIGTERM and must exit with 0, unless it has ended already."""
    words = [sys.executable, "-m", "simulators.ses", "--journal", str(journal), *options]
    # With PYTHONUNBUFFERED a missing flush of the address would not be noticed.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            started = Simulator(process, journal)
            yield started
            started.client.close()
            if process.poll() is None:
                process.terminate()
                assert process.wait(10) == 0
        finally:
            process.kill()
