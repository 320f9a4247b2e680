"""`make chaos`: the whole system under load while processes are killed and connections cut, and what came of it."""
