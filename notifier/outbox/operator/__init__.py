"""What operators read of the outbox, and what they do to it, each with a row in the journal."""
