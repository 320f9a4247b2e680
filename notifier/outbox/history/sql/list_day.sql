-- List the search terms of at most :most rows of a :day. Returns how far it is: listing, listed, missing or busy.
SELECT index_day(:day, :most)
