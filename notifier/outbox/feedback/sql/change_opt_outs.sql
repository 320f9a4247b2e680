-- Opt a recipient of a :channel out of the topics :leaves and into the topics :joins; '*' is every topic. :addresses are
-- its spelling and the hashes of it, :known the topics of which who joins one after '*' stays out, :actor by which way.
SELECT change_opt_outs(
  :channel, CAST(:addresses AS text[]), CAST(:leaves AS text[]), CAST(:joins AS text[]), CAST(:known AS text[]), :actor)
