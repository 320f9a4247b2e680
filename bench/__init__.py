"""Benchmarks. They measure processes from outside, on real and durable servers, and print facts of the machine."""
