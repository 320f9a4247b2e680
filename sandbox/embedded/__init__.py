"""Servers as child processes on 127.0.0.1, each for as long as a `with` block lasts. Their programs come from wheels.

All of them end with this process, even if it is killed: see `sandbox.embedded.cleanup`.
"""
