"""The fault of a failover of Postgres: the primary dies, its replica takes over at the same address."""

from tests.chaos.environment import World
from tests.chaos.faults.replica import Replicated


def fail_over(world: World) -> str:
    """Answers where the database is now."""
    assert isinstance(world.database, Replicated), "a run with failovers has a replica"
    world.database.fail_over()
    return f"to port {world.postgres.port}"
