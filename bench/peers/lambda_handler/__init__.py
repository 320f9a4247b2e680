"""A Lambda function on the table's stream, with Powertools for batches and idempotency, and boto3's `send_email`.

Its idempotency records are in Redis and not in DynamoDB, the other store that Powertools knows: that one would cost
two more calls of boto3 for each record, and an emulator to answer them.

After a crash between SES's answer and the record of it, Powertools waits until the invocation would have timed out,
and then sends the mail again. Without a table of notifications nobody can ask what became of an event; its records
end after a day.
"""
