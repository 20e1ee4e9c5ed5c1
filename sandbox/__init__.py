"""A hospital in a box: a local EHR, a DICOM archive and synthetic patients."""
