"""What benchmarks share: servers, load, candidates, measurements of processes, results."""
