"""The pages, one module each. Each has a `page`, which is registered automatically."""
