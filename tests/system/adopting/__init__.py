"""An installation takes over from an older system."""
