-- List the search terms of the day that {suffix} names, as bridges do, in one go: an index that is made afterwards takes
-- a fraction of the time that an index takes which grows by random hashes. Only autovacuum uses the day meanwhile. The
-- LOCK makes it end after a second; watch_terms alone would give up waiting for it after a tenth of a second.
BEGIN;
LOCK TABLE notifications{suffix}, deliveries{suffix} IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE search_terms{suffix} (LIKE search_terms);
INSERT INTO search_terms{suffix}
SELECT hashtextextended(recipient, 1), notification_id FROM deliveries{suffix} WHERE recipient IS NOT NULL
UNION ALL SELECT hashtextextended(status::text, 3), notification_id FROM deliveries{suffix} WHERE is_rare(status)
UNION ALL SELECT hashtextextended(key, 2), notification_id FROM notifications{suffix}, unnest(item_keys(record)) AS key;
ALTER TABLE search_terms ATTACH PARTITION search_terms{suffix} FOR VALUES FROM ('{first}') TO ('{end}');
SELECT watch_terms('{day}');
INSERT INTO search_days (day, state, listed_until) VALUES ('{day}', 'listed', '{end}');
COMMIT
