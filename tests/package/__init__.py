"""The wheel: what is in it, and that a fresh environment can install and run it."""
