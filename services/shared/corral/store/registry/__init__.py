"""What an installation knows of what code declares, with what operators set over it: job types, queues, providers."""
