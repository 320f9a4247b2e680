"""What the benchmarks print, and the drawings of the whole benchmark for docs/."""
