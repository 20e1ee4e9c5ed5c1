"""What the spine registry predicts in the case of an operation."""
