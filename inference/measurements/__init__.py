"""What is measured of a spine with names, and what is usual."""
