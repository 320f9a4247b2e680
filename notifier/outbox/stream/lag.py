"""How far behind the stream is too far. DynamoDB keeps records for 24 hours; after that they are lost."""

WARNING_SECONDS = 60.0
ALARM_SECONDS = 3_600.0
CRITICAL_SECONDS = 6 * 3_600.0
DISCOVERY_SECONDS = 120.0
"""For how long the shards of a table may not be found before that is an alarm: eight sweeps."""
