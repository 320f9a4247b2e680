"""Python's garbage collector, in processes that create and drop many thousand objects a second.

With its default settings it examines all live objects again and again and frees nothing: a quarter of a
worker's time.
"""

import gc

_NEW_OBJECTS = 50_000
_GENERATIONS = 10


def collect_rarely() -> None:
    """Exclude all objects that exist now from collection, and collect less often. Call it once, after all imports."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _GENERATIONS, _GENERATIONS)
