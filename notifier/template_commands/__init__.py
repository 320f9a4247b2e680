"""`notifier template`: write a new template, check all of them, look at them."""
