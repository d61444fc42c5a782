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

from corral.store.tables.column import TIME, needed


def pools(tables: MetaData) -> None:
    """The decisions, newest first by id."""
    decisions = Table(
        "scaling_decisions",
        tables,
        needed("id", Uuid),
        needed("pool", Text),
        needed("at", TIME),
        needed("before", Integer),
        needed("after", Integer),
        needed("needed", Integer),
        needed("ready", Integer),
        needed("reason", Text),
        needed("conditions", ARRAY(Text)),
        needed("backlog_jobs", BigInteger),
        needed("backlog_seconds", Double),
        needed("oldest_seconds", Double),
        PrimaryKeyConstraint("id", name="scaling_decisions_pkey"),
    )
    Index("scaling_decisions_pool", decisions.c.pool, decisions.c.id)
