"""Each alarm of Prometheus fires when its fault is caused for real."""
