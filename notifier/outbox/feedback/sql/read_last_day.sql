-- Of the last 24 hours of a :channel, since an operator last resumed it: messages whose result is known, hard
-- bounces, complaints.
SELECT coalesce(sum(deliveries + bounces), 0), coalesce(sum(hard_bounces), 0), coalesce(sum(complaints), 0)
FROM feedback_hours h LEFT JOIN channels c USING (channel)
WHERE channel = :channel AND hour > now() - interval '24 hours'
  AND (c.rates_since IS NULL OR hour >= c.rates_since)
