"""Which level is which: a name for every vertebra and disc, with its doubt."""
