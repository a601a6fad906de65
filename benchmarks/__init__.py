"""Programs that measure. They talk to loopback alone."""
