"""`python -m simulators.smtp [PORT]`: take mails until SIGINT, and print a line for each."""

import sys
import time
from contextlib import suppress

from simulators.smtp.server import SmtpSimulator


def _serve(port: int) -> None:
    with SmtpSimulator(address=("127.0.0.1", port)) as server:
        print(f"127.0.0.1:{server.port}", flush=True)
        shown = 0
        while True:
            for mail in server.mails[shown:]:
                shown += 1
                print(f"{mail.sender} -> {mail.recipient}: {len(mail.data):,} bytes", flush=True)
            time.sleep(0.2)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _serve(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
