"""`python -m simulators.push.apns [PORT]`: take pushes until SIGINT, and print a line for each.

It prints its address, the ids of its key and team, the bundle id of its app, and its key.
"""

import sys
import time
from contextlib import suppress

from simulators.push.apns.account import KEY_ID, TEAM_ID, TOPIC
from simulators.push.apns.server import ApnsSimulator


def _serve(port: int) -> None:
    with ApnsSimulator(("127.0.0.1", port)) as server:
        print(server.url, KEY_ID, TEAM_ID, TOPIC, server.account.key, flush=True)
        shown = 0
        while True:
            for push in server.pushes[shown:]:
                shown += 1
                print(push.path.rpartition("/")[2], push.body.decode(), flush=True)
            time.sleep(0.2)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
