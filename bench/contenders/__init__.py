"""One module per system that runs in a race."""
