"""What operators read and type, for the commands and the console alike: neither imports the other.

ids.py                ids of notifications as people type them
times.py              times as people type them, and as they are shown
timeline.py           what happened to one notification
details.py            what is shown of one notification beside its timeline
shards.py             the shards of a stream as a tree
person.py             whom an address means in an erasure
erasure_keys.py       the keys by which people who were erased are still known
suppression_file.py   suppressions as a CSV file
"""
