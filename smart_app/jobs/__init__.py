"""What a worker does, and the queue that wakes it: the web process loads that alone."""
