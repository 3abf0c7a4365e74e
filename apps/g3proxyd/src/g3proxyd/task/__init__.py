"""What the proxy does for its clients: one kind of task per file."""
