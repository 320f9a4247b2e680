-- Add the records that became notifications, and those that left quarantine, to the rewind :id.
UPDATE rewinds SET routed = routed + :routed, released = released + :released WHERE id = :id
