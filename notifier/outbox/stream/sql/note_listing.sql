-- A bridge listed the shards of a :table, or failed with :error (null: it succeeded). :stream_on is whether the newest
-- stream takes records, null if that is unknown.
-- `first_asked_at` is when bridges began to ask without a pause: after :recent seconds without a request, or after
-- :pause seconds if the last one succeeded, no bridge ran, which is not a failure to find shards.
INSERT INTO table_listings AS known (table_name, listed_at, error, stream_on)
VALUES (:table, CASE WHEN CAST(:error AS text) IS NULL THEN now() END, CAST(:error AS text), :stream_on)
ON CONFLICT (table_name) DO UPDATE SET
  first_asked_at = CASE WHEN known.asked_at < now() - make_interval(secs => :recent)
                          OR known.asked_at < now() - make_interval(secs => :pause) AND known.error IS NULL
                        THEN now() ELSE known.first_asked_at END,
  asked_at = now(), listed_at = coalesce(excluded.listed_at, known.listed_at), error = excluded.error,
  stream_on = coalesce(excluded.stream_on, known.stream_on)
