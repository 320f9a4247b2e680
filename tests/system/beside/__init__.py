"""Events that several routes claim, through all processes."""
