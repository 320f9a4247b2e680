-- The topics that a recipient of a :channel has opted out of. :addresses are its spelling and the hashes of it.
SELECT * FROM opt_outs(:channel, CAST(:addresses AS text[]))
