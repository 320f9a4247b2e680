"""A stub of SES that accepts every mail with little CPU, so that a benchmark measures its clients."""
