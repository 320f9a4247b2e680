-- Do not write to an :address of a :channel again about a :topic; '' means everything, '*' every topic.
-- A known address changes only if the new reason is graver. The gravest reason is the first in alphabetical order:
-- complaint, hard_bounce, manual, unsubscribe.
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, note)
VALUES (:channel, :address, :topic, :reason, :actor, :note)
ON CONFLICT (channel, address, topic) DO UPDATE
  SET reason = excluded.reason, actor = excluded.actor, note = excluded.note, since = now()
  WHERE excluded.reason < s.reason
