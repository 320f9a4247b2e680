"""The operations of the SES API that are simulated."""
