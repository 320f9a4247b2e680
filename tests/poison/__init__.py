"""An event that kills the worker that builds it, among healthy ones."""
