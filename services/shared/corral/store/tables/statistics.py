"""Counts of what has ended."""

from sqlalchemy import BigInteger, Double, Integer, MetaData, PrimaryKeyConstraint, SmallInteger, Table, Text

from corral.store.tables.column import TIME, needed


def statistics(tables: MetaData) -> None:
    """What completions append, and what it is folded into."""
    Table(
        "job_stats_deltas",
        tables,
        needed("minute", TIME),
        needed("count", Integer),
        needed("wait_bucket", SmallInteger),
        needed("run_bucket", SmallInteger),
        needed("wait_sum", Double),
        needed("run_sum", Double),
        needed("outcome", Text),
        needed("queue", Text),
        needed("type", Text),
    )
    key = ("minute", "queue", "type", "outcome", "measure", "bucket")
    Table(
        "job_stats",
        tables,
        needed("minute", TIME),
        needed("queue", Text),
        needed("type", Text),
        needed("outcome", Text),
        needed("measure", Text),
        needed("bucket", SmallInteger),
        needed("count", BigInteger),
        needed("sum", Double),
        PrimaryKeyConstraint(*key, name="job_stats_pkey"),
    )
