"""Records in quarantine: listed, shown and replayed."""
