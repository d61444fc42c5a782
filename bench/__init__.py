"""Benchmarks of Corral beside its peers; `make bench` runs them all."""
