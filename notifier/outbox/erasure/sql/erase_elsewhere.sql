-- Erase a person from all tables without days; :change false only counts. :hashes, with the channels of :spellings, are
-- what suppressions keep instead of them. Returns how many rows there were, by table or column.
SELECT name, rows FROM erase_elsewhere(
  CAST(:spellings AS text[]), CAST(:channels AS text[]), CAST(:hashes AS text[]), CAST(:likes AS text[]), :pattern,
  :change)
