"""The routes of a later version, in which `told` was removed."""

from tests.alarms.routes import held

__all__ = ["held"]
