"""The command `notifier`, as its script or as `python -m notifier`."""

from notifier.process.first_process import end_at_sigterm


def main() -> None:
    """Run a command; what takes long is imported when a signal can already end it."""
    end_at_sigterm()
    from notifier.cli import main as run

    run()


if __name__ == "__main__":
    main()
