"""Which treatment patients like this one are given: a third answer, never blended.

It stands apart from the guidelines and the registry. The committed model is trained on
a synthetic cohort (``inference.cohort``): retrain on local data before relying on it.
"""
