"""The faults of a chaos run, and what injects them: a proxy, replicas, signals, clocks."""
