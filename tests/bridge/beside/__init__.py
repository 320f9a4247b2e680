"""Events that several routes claim, from the record to their rows."""
