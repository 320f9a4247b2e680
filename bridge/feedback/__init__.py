"""SES's events, from SQS to settled deliveries."""
