"""Python's collector of cycles, in processes that hold many thousand objects for a moment each.

As it comes, it looks through all that is alive again and again and finds nothing: a quarter of a worker's time.
"""

import gc

_NEW_OBJECTS = 50_000
_GENERATIONS = 10


def collect_rarely() -> None:
    """Once, when all is imported: what is there now stays, and is not looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _GENERATIONS, _GENERATIONS)
