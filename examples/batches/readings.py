"""Readings of many sensors: one job for each, stored a hundred at a time. `CORRAL_HANDLERS=readings` names it."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing

from pydantic import BaseModel

from corral.catalog import Batch, job
from corral.context import SyncBatchJob
from corral.errors import Discard


class Reading(BaseModel):
    """What a sensor measured."""

    sensor: str
    at: str
    value: float


@job("readings.store", queue="readings", batch=Batch(size=100, wait=3), retries=3)
def store(jobs: Sequence[SyncBatchJob[Reading]]) -> None:
    """Store what many sensors measured, in one transaction. A reading that makes no sense fails alone."""
    good = []
    for one in jobs:
        if one.payload.value < -273.15:
            one.fail(Discard(f"{one.payload.value} is below absolute zero"))
        else:
            good.append(one.payload)
    with closing(sqlite3.connect(os.environ.get("READINGS", "readings.db"))) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS readings (sensor, at, value, PRIMARY KEY (sensor, at))")
        database.executemany(
            "INSERT INTO readings VALUES (:sensor, :at, :value)"
            " ON CONFLICT (sensor, at) DO UPDATE SET value = excluded.value",
            [reading.model_dump() for reading in good],
        )
