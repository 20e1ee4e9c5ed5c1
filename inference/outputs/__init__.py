"""What an analysis leaves behind as files."""
