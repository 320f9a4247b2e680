"""The console as a person uses it, in Chromium."""
