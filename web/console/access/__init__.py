"""Who opens the console, and what they may do."""
