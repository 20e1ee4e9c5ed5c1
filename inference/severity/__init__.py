"""How severe it is, by rules on what was measured and graded."""
