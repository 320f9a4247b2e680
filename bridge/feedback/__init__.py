"""The events of SES and of AWS End User Messaging, from SQS to settled deliveries."""
