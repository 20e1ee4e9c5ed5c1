"""Tests of the local EHR, with clients of their own."""
