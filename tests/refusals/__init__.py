"""A Redis that refuses commands, under load and at a worker's start."""
