"""A synthetic cohort: invented patients whose true probabilities of a choice are known.

There is no public data on who was given which treatment for low back pain. This cohort
stands in for it, so that a model can be trained and held against the best that any
model could do. Every number is in ``figures.toml`` (people and decisions) or
``spider.csv`` (images), with its source or "our choice". It says nothing about real
patients.
"""
