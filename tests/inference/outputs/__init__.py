"""Tests of the files that an analysis leaves behind."""
