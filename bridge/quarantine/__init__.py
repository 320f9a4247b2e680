"""Records in quarantine are classified again by the current routes."""
