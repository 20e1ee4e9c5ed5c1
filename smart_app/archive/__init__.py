"""The image archive by DICOMweb: which images are read, and which objects stored."""
