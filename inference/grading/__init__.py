"""Grade and findings of each disc, from its picture."""
