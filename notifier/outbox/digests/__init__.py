"""Events that are collected to one message: the first one leads, the others are merged into it.

assignment.py   which event leads, and which joins it (pure)
digests.py      events are collected, and the members of a leader are read
merging.py      what the statements that end the wait of a leader do to its members
"""
