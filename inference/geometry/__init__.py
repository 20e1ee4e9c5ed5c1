"""Where structures lie, and their shape, before any of them has a name."""
