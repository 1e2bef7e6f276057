"""Our own calls, read from the logs that tell of them. `importing` is the way in."""
