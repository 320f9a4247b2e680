-- The time now(), and how many seconds from then an :action with a pace may begin: :pace seconds after the last delivery
-- that the one before made due. The journal has that time at the end of the scope, behind {until}; a reason that was
-- selected may have the same words before it. If nothing of this :kind waits for so long, because it was cancelled, the
-- one before has ended.
SELECT now(), CAST(extract(epoch FROM greatest(clock_timestamp(), make_interval(secs => :pace) + least(
  coalesce(
    (SELECT CAST(substring(scope FROM '{until}({time})$') AS timestamptz) FROM operations
     WHERE action = :action AND scope ~ '{until}{time}$' ORDER BY id DESC LIMIT 1),
    '-infinity'
  ),
  greatest((SELECT max(due_at) FROM due WHERE kind = :kind), now())
)) - now()) AS float8)
