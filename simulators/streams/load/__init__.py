"""Prepared records for benchmarks."""
