-- Fragment: how many status updates the delivery `d` has once its status changes to the argument. NULL, without a look
-- at the status, if none is wanted.
CASE WHEN d.wanted_updates IS NULL THEN NULL
     WHEN d.wanted_updates & {update_bit {argument}} > 0 THEN coalesce(d.updates, 0) + 1
     ELSE d.updates END
