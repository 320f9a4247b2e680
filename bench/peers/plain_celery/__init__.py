"""A Celery service: a reader calls `delay()` for each record; the task writes a row and calls `send_email` of boto3.

After a crash of the reader, the records since its last checkpoint are read again; the task finds its row and does not
send again. After a crash of a worker between the response of SES and the commit, the task is delivered again because
of `acks_late`, and the mail is sent twice. If Redis loses a message, its mail is lost: nothing looks for such rows.
"""
