"""Tests of inference: phantoms are the truth, SPIDER the reality."""
