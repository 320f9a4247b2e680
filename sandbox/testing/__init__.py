"""The fixture `pipeline` for users' tests: the whole way of an event, on embedded servers, with a clock that a test
sets.

`plugin.py` is found by pytest through the entry point `pytest11`. What needs no server is in `notifier.testing`.
"""
