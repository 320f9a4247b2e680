-- Fragment: the condition that the :channel may send: it is not paused, and not parked unless this is :probing it.
NOT EXISTS (
  SELECT FROM channels c
  WHERE c.channel = :channel AND (c.state = 'paused' OR c.state = 'parked' AND NOT CAST(:probing AS bool))
)
