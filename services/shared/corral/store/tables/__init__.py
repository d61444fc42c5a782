"""The tables as SQLAlchemy sees them: for dynamic queries, and to compare with what the migrations made.

The migrations say why each index and setting exists; a test holds the two
together. Nothing here creates tables.
"""

from functools import lru_cache

from sqlalchemy import MetaData

from corral.store.postgres.sql_params import DEFAULT_SCHEMA
from corral.store.tables.access import people
from corral.store.tables.feeds import feeds
from corral.store.tables.idempotency import idempotency
from corral.store.tables.job_children import around_jobs
from corral.store.tables.jobs import jobs
from corral.store.tables.limits import limits
from corral.store.tables.mail import mail
from corral.store.tables.pools import pools
from corral.store.tables.providers import providers
from corral.store.tables.registry import installation
from corral.store.tables.schedules import schedules
from corral.store.tables.statistics import statistics
from corral.store.tables.uniqueness import uniqueness
from corral.store.tables.uploads import uploads
from corral.store.tables.webhooks import webhooks


@lru_cache
def metadata(schema: str = DEFAULT_SCHEMA) -> MetaData:
    """Every table, in `schema`."""
    tables = MetaData(schema=schema)
    for part in (
        jobs,
        around_jobs,
        installation,
        statistics,
        pools,
        people,
        idempotency,
        limits,
        mail,
        schedules,
        uniqueness,
        uploads,
        feeds,
        webhooks,
        providers,
    ):
        part(tables)
    return tables
