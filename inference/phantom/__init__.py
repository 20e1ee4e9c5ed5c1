"""Drawn spines of known geometry."""
