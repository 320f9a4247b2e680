"""A Lambda function on the stream, with Powertools for batches and idempotency, and `send_email` of boto3.

Its idempotency records are in Redis and not in DynamoDB, the other store of Powertools, which would need two more
calls of boto3 for each record, and an emulator.

After a crash between the response of SES and the idempotency record, Powertools waits until the invocation would have
timed out, and sends the mail again. There is no table of notifications to query; the records expire after a day.
"""
