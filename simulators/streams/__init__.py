"""A stand-in for DynamoDB Streams: its shards split, rotate, close, are trimmed and vanish, and fail on request.

Start it with `python -m simulators.streams`, point boto3's `dynamodbstreams` at the address it prints, and say under
`/_sim/` what happens to the tables. `StreamsModel` is the same without a process: no I/O, and a clock of its own.
"""

from simulators.streams.behaviour import Behaviour
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel

__all__ = ["Behaviour", "Clock", "StreamsModel"]
