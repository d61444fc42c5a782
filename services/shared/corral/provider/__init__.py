"""Providers: services of others that jobs call, each with its address, its secrets by reference, and what it allows."""
