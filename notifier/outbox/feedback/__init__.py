"""The provider's events: stored, settled, matched later; suppressions, opt-outs and rates of bounces."""
