"""`python -m simulators.push [PORT]`: take pushes until SIGINT, and print a line for each.

It prints its address, and the path of a key file for GOOGLE_APPLICATION_CREDENTIALS.
"""

import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from simulators.push.server import PushSimulator


def _serve(port: int) -> None:
    with PushSimulator(("127.0.0.1", port)) as server, tempfile.TemporaryDirectory() as folder:
        print(server.url, server.key_file(Path(folder)), flush=True)
        shown = 0
        while True:
            for push in server.pushes[shown:]:
                shown += 1
                print(push.body["message"].get("notification"), flush=True)
            time.sleep(0.2)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
