-- Erase a person from the next :most notifications of a :day after the id :after; :change false only counts. Returns
-- the last id (null: the day is done), how many were erased, and the ids of those whose outcome is open.
SELECT last, erased, open
FROM erase_part(:day, :after, :most, CAST(:spellings AS text[]), CAST(:likes AS text[]), :pattern, :change)
