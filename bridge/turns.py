"""When a shard that has some records at each reading is read next. Pure.

Each shard has one turn in every period, always at the same place in it, and the turns of different shards are spread
over the period. A pause after each page would add the time of reading and recording it to the period. And shards that
are read at the same moment would stay together: their records come to the workers in one burst, of which the last
waits for all others.
"""

_SPREAD = (5**0.5 - 1) / 2
"""Multiples of the golden ratio, without their whole part, are spread evenly, however many there are."""


def until_turn(shard: int, now: float, period: float) -> float:
    """Return the seconds until the next turn of a shard, at most `period`.

    `now` is any clock in seconds that runs evenly, the same for all shards of the process. A reading that began in
    time and took less than `period` is followed by the next one `period` after it began; one that began late, by the
    next turn.
    """
    return period - (now - shard * _SPREAD * period) % period
