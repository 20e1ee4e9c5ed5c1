"""From DICOM images to measurements and a therapy suggestion."""
