"""The outcomes of failed requests to AWS, for the channels that use it."""
