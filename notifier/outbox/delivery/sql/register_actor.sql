-- The number of the worker called :name, for the first 32 bits of its tokens. Inserts it, or renews its
-- time: retention deletes workers whose time is long ago.
INSERT INTO actors (name) VALUES (:name) ON CONFLICT (name) DO UPDATE SET started_at = now() RETURNING id
