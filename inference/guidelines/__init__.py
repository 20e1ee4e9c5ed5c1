"""Therapy suggestions by published guidelines: a table that people read, no model.

The rules stand in ``rules.toml``. Red flags come first and stop the routine plan.
Surgery is never suggested, only a surgical opinion, and never for back pain alone.
"""

from inference.guidelines.suggestion import TABLE, is_chronic, suggest

__all__ = ["TABLE", "is_chronic", "suggest"]
