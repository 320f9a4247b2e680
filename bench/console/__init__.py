"""The operators' console: how long its pages take on a database with a history, and what it costs the pipeline."""
