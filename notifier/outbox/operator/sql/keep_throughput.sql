-- Keep the sums :read, :sent, :delivered and :failed of this minute, unless another console has; delete those that are
-- older than a day.
WITH gone AS (
  DELETE FROM throughput_minutes WHERE minute < now() - interval '25 h'
)
INSERT INTO throughput_minutes (minute, read, sent, delivered, failed)
VALUES (date_trunc('minute', now()), :read, :sent, :delivered, :failed)
ON CONFLICT (minute) DO NOTHING
