-- Opt a recipient of a :channel out of the topics :leaves and into the topics :joins; '*' is every topic. :addresses are
-- its spelling and the hashes of it. A recipient who was out of '*' and joins a topic stays out of the others of :known.
-- :actor says which process or operator did it.
SELECT change_opt_outs(
  :channel, CAST(:addresses AS text[]), CAST(:leaves AS text[]), CAST(:joins AS text[]), CAST(:known AS text[]), :actor)
