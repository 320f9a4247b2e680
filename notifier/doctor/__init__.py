"""`notifier doctor`: checks a set-up, and says what is good, doubtful or wrong, and what to do.

A check asks one part of the set-up (a server, an account, a file) and yields findings. It changes nothing. Checks run
side by side, each within the same time; one that fails or hangs stops no other.
"""
