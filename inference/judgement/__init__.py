"""What follows for a patient, and what is asked where a fact is missing."""
