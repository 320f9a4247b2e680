-- Fragment: all that were found.
SELECT *, 1.0::float8 AS stands_for, false AS estimated FROM found
