"""Options and arguments that mean the same in several commands."""
