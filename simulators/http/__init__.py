"""A small HTTP/1.1 server for simulators. Unlike a library's, it can also reset connections and cut responses off."""
