"""The EHRs that may launch, who we are there, and what may be written to one."""
