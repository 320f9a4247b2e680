-- Fragment: what a statement that sets the recipient of `d` to `wanted.address` sets `further_recipients` to: to whom else
-- this attempt goes, and to whom earlier ones went. Repeating it changes nothing. Nearly all deliveries have none: then
-- no array is made.
CASE WHEN d.recipient <> wanted.address OR wanted.further IS NOT NULL THEN
  nullif(array_remove(array_remove(
    d.further_recipients || d.recipient
    || CASE WHEN d.further_recipients || d.recipient @> CAST(wanted.further AS text[]) THEN NULL
            ELSE CAST(wanted.further AS text[]) END, NULL), wanted.address), '{}')
ELSE d.further_recipients END
