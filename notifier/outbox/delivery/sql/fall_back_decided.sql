-- Pending → pending on another channel: no request was sent on this one. Parameters: those of fall_back.sql. Returns the
-- ids that changed. Repeating it is safe: what has gone on is not on the :channel any more.
{fall_back {is_due}}
SELECT notification_id FROM changed
