"""Tests of ``fhir_mappings``."""
