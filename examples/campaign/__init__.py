"""A marketing campaign beside the mails that must not wait."""
