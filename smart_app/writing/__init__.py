"""What a signature writes to the EHR, exactly once, and how that is withdrawn."""
