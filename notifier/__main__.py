"""The command `notifier`, as a script or as `python -m notifier`."""

import os
import sys

from notifier.health.beats import answer_quickly
from notifier.process.first_process import end_at_sigterm


def main() -> None:
    """Run a command. The imports, which take long, come after the signal handler, so that SIGTERM ends them too."""
    end_at_sigterm()
    if sys.argv[1:2] == ["health"] and (code := answer_quickly(sys.argv[2:], os.environ)) is not None:
        sys.exit(code)
    from notifier.cli import main as run

    run()


if __name__ == "__main__":
    main()
