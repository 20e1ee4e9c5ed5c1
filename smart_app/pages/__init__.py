"""All that a browser opens: the pages, and what they show as plain values."""
