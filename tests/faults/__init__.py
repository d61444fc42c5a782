"""Faults: real processes on real servers under load, each fault injected for real, seven invariants checked."""
