"""SMART App Launch: from the EHR's sign-in to an open launch with its tokens."""
