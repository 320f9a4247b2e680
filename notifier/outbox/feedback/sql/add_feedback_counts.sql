-- Add to the counters of the :channel and of this hour. In the hour in which an operator resumed the channel, what
-- comes later has counters of its own, from then on: the rates leave out those of before.
INSERT INTO feedback_hours AS h (channel, hour, sends, deliveries, bounces, hard_bounces, complaints)
VALUES (:channel, greatest(date_trunc('hour', now()), (SELECT rates_since FROM channels WHERE channel = :channel)),
        :sends, :deliveries, :bounces, :hard_bounces, :complaints)
ON CONFLICT (channel, hour) DO UPDATE SET
  sends = h.sends + excluded.sends, deliveries = h.deliveries + excluded.deliveries,
  bounces = h.bounces + excluded.bounces, hard_bounces = h.hard_bounces + excluded.hard_bounces,
  complaints = h.complaints + excluded.complaints
