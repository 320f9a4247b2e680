"""`make crash`: the crash matrix, a process that ends at each of its calls with a side effect."""
