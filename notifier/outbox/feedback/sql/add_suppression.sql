-- Do not write to an :address of a :channel again about a :topic; '' means everything, '*' every topic.
-- A known address changes only if the new reason is graver, or to note that the recipient has opted out as well. The
-- gravest reason is the first in alphabetical order: complaint, hard_bounce, manual, unsubscribe. If it replaces an
-- opt-out, the trigger `keep_opt_out` sets `opted_out`.
INSERT INTO suppressions AS s (channel, address, topic, reason, actor, note)
VALUES (:channel, :address, :topic, :reason, :actor, :note)
ON CONFLICT (channel, address, topic) DO UPDATE
  SET reason = least(s.reason, excluded.reason),
      opted_out = s.opted_out OR excluded.reason = 'unsubscribe',
      actor = CASE WHEN excluded.reason < s.reason THEN excluded.actor ELSE s.actor END,
      note = CASE WHEN excluded.reason < s.reason THEN excluded.note ELSE s.note END,
      since = CASE WHEN excluded.reason < s.reason THEN now() ELSE s.since END
  WHERE excluded.reason < s.reason
    OR excluded.reason = 'unsubscribe' AND s.reason <> 'unsubscribe' AND NOT s.opted_out
