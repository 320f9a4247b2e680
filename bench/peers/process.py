"""A process of a peer, whose AWS is the servers of the benchmark."""

import sys
from collections.abc import Mapping
from pathlib import Path

from bench.measure.servers import REGION, Servers
from sandbox.embedded.processes import Child
from sandbox.system import TABLE, clean_environment

ROOT = Path(__file__).parents[2]


def peer_process(servers: Servers, name: str, module: str, *words: str, **variables: str) -> Child:
    """`python -m MODULE WORDS`; its log is in the folder of the servers."""
    environment: Mapping[str, str] = {
        **clean_environment(),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": servers.streams.url,
        "AWS_ENDPOINT_URL_SESV2": servers.ses.url,
        "TABLE": TABLE,
        **variables,
    }
    command = [sys.executable, "-m", module, *words]
    return Child(name, command, log=servers.folder / f"{name}.log", env=environment, cwd=ROOT)
