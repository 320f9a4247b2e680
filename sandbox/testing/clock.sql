-- A schema with a clock of its own. A session whose search_path is `public, test_clock, pg_catalog` finds these
-- functions where the statements of the outbox call `now()` and `clock_timestamp()`; so do the defaults of columns, if
-- the migrations ran with that search_path. `now()` stands still until a test moves it.
CREATE SCHEMA test_clock;
CREATE TABLE test_clock.clock (at timestamptz NOT NULL, set_at timestamptz NOT NULL);
INSERT INTO test_clock.clock VALUES (pg_catalog.now(), pg_catalog.clock_timestamp());
CREATE FUNCTION test_clock.now() RETURNS timestamptz STABLE LANGUAGE sql
  AS 'SELECT at FROM test_clock.clock';
-- It goes on, so that the changes of a delivery have an order.
CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE sql
  AS 'SELECT at + (pg_catalog.clock_timestamp() - set_at) FROM test_clock.clock';
