from tests.outbox.conftest import engine, rows

__all__ = ["engine", "rows"]
