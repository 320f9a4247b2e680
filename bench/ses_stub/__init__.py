"""An SES that takes every mail at the least cost, so that a benchmark measures its clients and not the server."""
