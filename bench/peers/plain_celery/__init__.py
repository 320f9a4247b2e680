"""A Celery service: a reader calls `delay()` for each record; the task keeps a row and calls boto3's `send_email`.

After a crash of the reader, the records since its last checkpoint are read again: the row tells the task that it was
sent. After a crash of a worker between SES's answer and the commit, the late ack brings the task back and the mail is
sent twice; a message that Redis had handed out and forgotten is lost, as nothing looks for rows without a mail.
"""
