"""The FHIR server of a launch: what it can do, what is read, what is found there."""
