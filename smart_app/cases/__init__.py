"""Cases in the database: jobs, reports, signatures, and what a clinician changed."""
