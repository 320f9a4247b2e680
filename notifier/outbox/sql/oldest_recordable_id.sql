-- Fragment: the first id of a notification whose record a stream may still bring. A stream keeps records for a day.
(lpad(to_hex((extract(epoch FROM now() - interval '2 days') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
