from hypothesis import HealthCheck, settings

from tests.outbox.conftest import engine, rows

__all__ = ["engine", "rows"]

# The machine may be slow, and rows of earlier examples do no harm.
settings.register_profile(
    "fuzz", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("fuzz")
