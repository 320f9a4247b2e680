"""Publications: which messages the broker should hold, and how much waits."""
