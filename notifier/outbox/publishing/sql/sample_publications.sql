-- A sample of :sample publications of each queue and kind (published or not), evenly spread over their ids, the
-- oldest among them; with the number of all rows of the kind, and of all their messages.
WITH numbered AS (
  SELECT {queue} AS queue, published_at IS NULL AS unpublished, notification_ids,
         id, row_number() OVER kind - 1 AS number,
         count(*) OVER (PARTITION BY channel, lane, published_at IS NULL) AS rows,
         sum(cardinality(notification_ids)) OVER (PARTITION BY channel, lane, published_at IS NULL) AS messages
  FROM publications p WINDOW kind AS (PARTITION BY channel, lane, published_at IS NULL ORDER BY id)
)
SELECT queue, unpublished, messages::int8, rows, id, notification_ids FROM numbered
WHERE number = 0 OR number * :sample / rows > (number - 1) * :sample / rows
ORDER BY id
