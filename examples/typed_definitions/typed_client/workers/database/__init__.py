# Made by corral codegen; the next run overwrites it.
"""Handlers of one queue, for workers of its own: CORRAL_HANDLERS=typed_client.workers.database."""

from .database_clean import clean_database as database_clean

__all__ = ["database_clean"]
