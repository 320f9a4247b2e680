"""Builds: the route's function is called and its template rendered, in threads or set aside."""
