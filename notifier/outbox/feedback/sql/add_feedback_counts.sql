-- Add to the counters of the :channel and of this hour.
INSERT INTO feedback_hours AS h (channel, hour, sends, deliveries, bounces, hard_bounces, complaints)
VALUES (:channel, date_trunc('hour', now()), :sends, :deliveries, :bounces, :hard_bounces, :complaints)
ON CONFLICT (channel, hour) DO UPDATE SET
  sends = h.sends + excluded.sends, deliveries = h.deliveries + excluded.deliveries,
  bounces = h.bounces + excluded.bounces, hard_bounces = h.hard_bounces + excluded.hard_bounces,
  complaints = h.complaints + excluded.complaints
