"""Digests in a worker: their events, faults, and what comes meanwhile."""
