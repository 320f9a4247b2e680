"""A process of a peer, with the parts of the benchmark as its AWS, and nothing of the user's shell."""

import sys
from collections.abc import Mapping
from pathlib import Path

from bench.measure.servers import REGION, Servers
from sandbox.embedded.processes import Child
from sandbox.system import TABLE, clean_environment

ROOT = Path(__file__).parents[2]


def peer_process(parts: Servers, name: str, module: str, *words: str, **variables: str) -> Child:
    """`python -m MODULE WORDS`; its log lies in the folder of the parts."""
    environment: Mapping[str, str] = {
        **clean_environment(),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": parts.streams.url,
        "AWS_ENDPOINT_URL_SESV2": parts.ses.url,
        "TABLE": TABLE,
        **variables,
    }
    command = [sys.executable, "-m", module, *words]
    return Child(name, command, log=parts.folder / f"{name}.log", env=environment, cwd=ROOT)
