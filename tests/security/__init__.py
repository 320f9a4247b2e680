"""Personal data, secrets and rights: what the log shows, and what a login or an IAM document allows."""
