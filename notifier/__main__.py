"""`python -m notifier`: the command `notifier`, also where its script is not on the PATH."""

from notifier.cli import main

main()
