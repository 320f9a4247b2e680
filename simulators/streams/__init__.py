"""A simulator of DynamoDB Streams: shards split, rotate, close, are trimmed and vanish, and calls fail if told to.

Start it with `python -m simulators.streams`, use the address that it prints as `endpoint_url` of boto3's
`dynamodbstreams`, and change its tables by requests to `/_sim/`. `StreamsModel` is the same within a process: without
I/O, and with a clock that tests control.
"""

from simulators.streams.behaviour import Behaviour
from simulators.streams.model.clock import Clock
from simulators.streams.streams_model import StreamsModel

__all__ = ["Behaviour", "Clock", "StreamsModel"]
