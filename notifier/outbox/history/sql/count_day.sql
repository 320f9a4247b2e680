-- Count at most :most rows of a :day; a day that changed is counted again after :rest seconds. Returns its state.
SELECT count_day(:day, :most, make_interval(secs => :rest))
