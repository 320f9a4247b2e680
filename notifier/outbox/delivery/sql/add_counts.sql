-- Add to the counts of deliveries. Arrays of equal length: :channels, :routes, :statuses, :counts.
INSERT INTO delivery_counts AS known (channel, route, status, count)
SELECT * FROM unnest(
  CAST(:channels AS text[]), CAST(:routes AS text[]), CAST(:statuses AS text[]), CAST(:counts AS int8[])
)
ON CONFLICT (channel, route, status) DO UPDATE SET count = known.count + excluded.count
