"""Labels: what came after each bar, with the moment at which it is known."""
