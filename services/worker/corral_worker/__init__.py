"""Corral's worker: claims jobs and runs them."""
