-- Fragment: the bit of a status in `deliveries.wanted_updates`; 0 for one of which there are no updates. The argument
-- is the status. The names and their order are those of UPDATES in notifier/status_updates/kinds.py.
CASE CAST({argument} AS text)
  WHEN 'sent' THEN 1 WHEN 'delivered' THEN 2 WHEN 'bounced' THEN 4 WHEN 'complained' THEN 8 WHEN 'unknown' THEN 16
  WHEN 'held' THEN 32 WHEN 'failed' THEN 64 WHEN 'skipped' THEN 128 WHEN 'suppressed' THEN 256 WHEN 'expired' THEN 512
  WHEN 'cancelled' THEN 1024 ELSE 0
END
