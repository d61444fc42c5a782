"""Batches: several attempts that one call of a handler runs."""
