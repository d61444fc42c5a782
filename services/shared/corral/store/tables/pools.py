"""What was decided about pools."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
)

from corral.store.tables.column import TIME, holds, needed, serves
from corral.store.tables.readable import readable_times


def pools(tables: MetaData) -> None:
    """The decisions, newest first by id."""
    decisions = Table(
        "scaling_decisions",
        tables,
        needed("id", Uuid, doc="UUID version 7, in order of time."),
        needed("pool", Text, doc="The pool."),
        needed("at", TIME, doc="When."),
        needed("before", Integer, doc="Workers before."),
        needed("after", Integer, doc="Workers after."),
        needed("needed", Integer, doc="What the law asked for before bounds and windows."),
        needed("ready", Integer, doc="Workers that were ready."),
        needed("reason", Text, doc="In words."),
        needed("conditions", ARRAY(Text), doc="What else held at that time, in Kubernetes' words."),
        needed("backlog_jobs", BigInteger, doc="Jobs that waited."),
        needed("backlog_seconds", Double, doc="Seconds of work that waited."),
        needed("oldest_seconds", Double, doc="How long the oldest had waited."),
        PrimaryKeyConstraint(
            "id",
            name="scaling_decisions_pkey",
            info=serves("Decisions over all pools, newest first; their removal, oldest first."),
        ),
        info=holds("What was decided about pools, and why; kept for 30 days."),
    )
    Index(
        "scaling_decisions_pool",
        decisions.c.pool,
        decisions.c.id,
        info=serves("Decisions about one pool, newest first."),
    )
    readable_times(decisions, "at")
