"""What a bridge writes of the stream: pages of records, listings, lag, streams that are let go."""
