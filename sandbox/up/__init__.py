"""`notifier up`: the system of a developer, which takes over saved code, and `notifier env`, which finds it."""
