"""What anybody may ask of a model: its card and its source attributes."""
