"""Days: made, counted, listed for searches, and dropped at the end of their time."""
