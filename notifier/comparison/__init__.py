"""What was built in shadow, compared with what an older system sent: `notifier compare`.

file.py        the lines of the older system's file
keys.py        the key of a shadowed message, by which it is found in the file
store.py       both sides in a temporary database on disk, so that memory is bounded
matching.py    pairs of messages, and what has no other half; pure
comparing.py   reads both sides, and says where they differ
command.py     the command
"""
