-- Sending → unknown for the attempts of :tokens whose lease has ended; → sent where an event has already proved that
-- a message was accepted. Never → pending: the message may have been accepted. The policy of the route applies
-- :unknown_after seconds later. Returns the ids, their new status, and whether they have gone on to another channel.
-- `ended.id IS NULL OR` keeps the planner from reading whole days: see notifier/outbox/days.py.
-- Not a part of ended_leases.sql: the days of the ids must be known when it is planned.
-- Deliveries are locked first, then claims, then `due` rows, as in every other statement: a late finish of the same
-- token would otherwise end in a deadlock with this one. The second of two at once finds nothing that is `sending`.
WITH ended AS (
  SELECT token, channel, worker, notification_ids FROM claims
  WHERE token = ANY(CAST(:tokens AS uuid[])) AND lease_until < now()
), lost AS (
  UPDATE deliveries d SET
    status = CASE WHEN d.provider_message_id IS NULL THEN 'unknown'::delivery_status ELSE 'sent' END,
    updates = {count_update CASE WHEN d.provider_message_id IS NULL THEN 'unknown' ELSE 'sent' END},
    ended_at = now(), reason = 'its worker gave no answer within the lease'
  FROM (
    SELECT ended.*, claimed.id FROM ended, unnest(ended.notification_ids) AS claimed (id) ORDER BY claimed.id
  ) AS ended
  WHERE d.notification_id = ended.id AND in_days(d.notification_id) AND d.token = ended.token
    AND (ended.id IS NULL OR d.status = 'sending')
  RETURNING d.notification_id, d.status, d.attempt, d.begun_at, d.reason, ended.channel, ended.worker,
            d.wanted_updates, d.updates, d.channel IS NOT NULL AS moved
), released AS (
  DELETE FROM claims USING ended WHERE claims.token = ended.token AND claims.lease_until < now()
), attention AS (
  {insert_due
    SELECT notification_id, 'unknown', channel, now() + make_interval(secs => :unknown_after)
    FROM lost WHERE status = 'unknown'}
), event AS (
  {insert_event
    SELECT notification_id, 'sending', status, attempt, 'relay', reason, 'worker ' || worker, begun_at FROM lost}
), reported AS (
  {insert_update
    SELECT notification_id, updates, status, attempt, reason FROM lost WHERE {wants_update status}}
)
SELECT notification_id, status, moved FROM lost
