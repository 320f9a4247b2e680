"""The events of the SES simulator: what happens to a mail, and how the queue gets to know it."""
