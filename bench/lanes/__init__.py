"""What a campaign of the low lane does to messages of the high one: `python -m bench.lanes`."""
