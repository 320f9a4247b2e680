"""A stand-in for DynamoDB Streams: its shards split, rotate, close, are trimmed and vanish, and fail on request.

Start it with `python -m sandbox.streams`, point boto3's `dynamodbstreams` at the address it prints, and say under
`/_sim/` what happens to the tables. `StreamsModel` is the same without a process: no I/O, and a clock of its own.
"""

from sandbox.streams.behaviour import Behaviour
from sandbox.streams.clock import Clock
from sandbox.streams.model import StreamsModel

__all__ = ["Behaviour", "Clock", "StreamsModel"]
