-- Marked → building: :process builds the notification :id, for :lease seconds. A build that another process holds is
-- taken over when its lease has ended, and then counts as a death of that process.
-- Returns the deaths so far; no row while another process holds the build. Repeating it by the same process is safe.
INSERT INTO suspects AS s (notification_id, begun_by, lease_until)
VALUES (:id, :process, now() + make_interval(secs => :lease))
ON CONFLICT (notification_id) DO UPDATE SET
  deaths = s.deaths + (s.begun_by IS NOT NULL AND s.begun_by <> :process)::int,
  begun_by = excluded.begun_by, lease_until = excluded.lease_until, begun_at = now()
WHERE s.begun_by IS NULL OR s.begun_by = :process OR s.lease_until <= now()
RETURNING s.deaths
