"""Commands on what is recorded: notifications of people, and records in quarantine."""
