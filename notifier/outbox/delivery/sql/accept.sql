-- The provider accepted messages of these deliveries: any status except delivered, bounced or complained → sent.
-- Parameters: one acceptance for each of :ids, in arrays of equal length: :attempts (null if not known), :message_ids
-- (null if not known) and :reasons; :open is the ids that lock_without_acceptance.sql has locked; :actor is written
-- into the history.
-- A delivery whose later attempt is `sending` keeps that status: finish.sql decides with the message id that is
-- stored here. An acceptance without a message id changes nothing for a delivery that is `sending`.
-- A delivery that has gone on to another channel names the message of that one, once it is accepted: what an earlier
-- channel had accepted is a duplicate then.
-- Returns the ids that became `sent` from another status.
WITH proof AS (
  SELECT * FROM unnest(
    CAST(:ids AS uuid[]), CAST(:attempts AS int[]), CAST(:message_ids AS text[]), CAST(:reasons AS text[])
  ) AS proof (id, attempt, message_id, reason)
), before AS (  -- the statuses before this statement, for the history
  SELECT d.notification_id, d.status, d.begun_at, d.provider_message_id
  FROM deliveries d
  WHERE d.notification_id = ANY(CAST(:open AS uuid[])) AND in_days(d.notification_id)
), changed AS (
  UPDATE deliveries d SET
    provider_message_id = CASE WHEN d.channel IS NOT NULL AND d.status = 'sending' AND d.attempt = proof.attempt
                               THEN coalesce(proof.message_id, d.provider_message_id)
                               ELSE coalesce(d.provider_message_id, proof.message_id) END,
    status = CASE WHEN d.status = 'sending' AND d.attempt IS DISTINCT FROM proof.attempt THEN d.status
                  WHEN d.status IN ('delivered', 'bounced', 'complained') THEN d.status ELSE 'sent' END,
    updates = CASE WHEN d.status = 'sending' AND d.attempt IS DISTINCT FROM proof.attempt
                     OR d.status IN ('sent', 'delivered', 'bounced', 'complained') THEN d.updates
                   ELSE {count_update 'sent'} END,
    next_attempt_at = NULL
  FROM before JOIN proof ON proof.id = before.notification_id
  WHERE d.notification_id = before.notification_id AND in_days(d.notification_id)
    AND (proof.message_id IS NOT NULL OR d.status NOT IN ('sending', 'sent', 'delivered', 'bounced', 'complained'))
  RETURNING d.notification_id, before.status AS was, d.status, coalesce(proof.attempt, d.attempt) AS attempt,
            proof.reason, before.begun_at, d.wanted_updates, d.updates,
            before.provider_message_id AS earlier, d.provider_message_id
), accepted AS (
  SELECT * FROM changed WHERE status = 'sent' AND was <> 'sent'
), twice AS (
  INSERT INTO duplicates (notification_id, message_id)
  SELECT notification_id, earlier FROM changed WHERE earlier <> provider_message_id
  ON CONFLICT DO NOTHING
), attended AS (  -- no retry and no deadline any more
  DELETE FROM due USING accepted WHERE due.notification_id = accepted.notification_id
), event AS (
  {insert_event
    SELECT notification_id, was, 'sent', attempt, :actor, reason, NULL, begun_at FROM accepted}
), reported AS (
  {insert_update
    SELECT notification_id, updates, 'sent', attempt, reason FROM accepted WHERE {wants_update 'sent'}}
)
SELECT notification_id FROM accepted
