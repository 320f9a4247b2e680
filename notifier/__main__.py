"""The command `notifier`, as a script or as `python -m notifier`."""

import os
import sys

from notifier.process.beats import quick_check
from notifier.process.first_process import end_at_sigterm


def main() -> None:
    """Run a command. The imports, which take long, come after the signal handler, so that SIGTERM ends them too."""
    end_at_sigterm()
    if sys.argv[1:2] == ["health"] and (code := quick_check(sys.argv[2:], os.environ)) is not None:
        sys.exit(code)
    from notifier.cli import main as run

    run()


if __name__ == "__main__":
    main()
