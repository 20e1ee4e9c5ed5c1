"""Tests of the sandbox: the local EHR, the archive, the demo."""
