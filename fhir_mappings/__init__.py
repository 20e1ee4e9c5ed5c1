"""Pure mappings between our values and FHIR R4 JSON: no clock, no network."""
