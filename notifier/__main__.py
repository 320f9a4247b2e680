"""The command `notifier`, as a script or as `python -m notifier`."""

from notifier.process.first_process import end_at_sigterm


def main() -> None:
    """Run a command. The imports, which take long, come after the signal handler, so that SIGTERM ends them too."""
    end_at_sigterm()
    from notifier.cli import main as run

    run()


if __name__ == "__main__":
    main()
