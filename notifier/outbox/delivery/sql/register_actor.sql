-- The number of the worker called :name, for the first 32 bits of its tokens. Inserts it, or notes that it has
-- started again: retention deletes workers that have not started for long.
INSERT INTO actors (name) VALUES (:name) ON CONFLICT (name) DO UPDATE SET started_at = now() RETURNING id
