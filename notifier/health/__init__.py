"""Whether a process works: its heartbeat file, its conditions, and what it answers over HTTP.

Nothing is imported here: `notifier health` imports `notifier.health.beats` alone, to answer within milliseconds.
"""
