-- How many dead letters up to :until no operator has acknowledged.
{open_dead_letters :until}
