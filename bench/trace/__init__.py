"""Where the milliseconds of one event go, from the stream to the last commit: `python -m bench.trace`.

The product has no code for it: `process.py` starts `notifier` with wrappers around the functions between the steps.
"""
