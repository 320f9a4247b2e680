-- The days that are dropped and whose search terms are still listed, oldest first.
SELECT day FROM search_days WHERE to_regclass('deliveries' || to_char(day, '_YYYYMMDD')) IS NULL ORDER BY day
