"""A small HTTP/1.1 server for simulators: it can answer, and break off in every way that a network can."""
