"""What there is one of: types, queues, workers, leases."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from corral.store.tables.column import EMPTY_OBJECT, TIME, moment, needed


def installation(tables: MetaData) -> None:
    """One table each."""
    Table(
        "job_types",
        tables,
        needed("name", Text),
        needed("version", Text),
        Column("description", Text),
        Column("payload_schema", JSON),
        Column("result_schema", JSON),
        needed("options", JSONB),
        moment("registered_at"),
        PrimaryKeyConstraint("name", name="job_types_pkey"),
    )
    Table(
        "queues",
        tables,
        needed("name", Text),
        Column("paused_at", TIME),
        Column("paused_by", Text),
        Column("overrides", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        Column("defaults", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        moment("created_at"),
        moment("updated_at"),
        PrimaryKeyConstraint("name", name="queues_pkey"),
    )
    workers = Table(
        "workers",
        tables,
        needed("id", Uuid),
        needed("name", Text),
        needed("host", Text),
        needed("pid", Integer),
        needed("version", Text),
        needed("state", Text, "'active'"),
        needed("counter", BigInteger, "0"),
        Column("drained_by", Text),
        needed("queues", ARRAY(Text)),
        needed("types", ARRAY(Text)),
        needed("slots", JSONB),
        Column("status", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        moment("registered_at"),
        moment("seen_at"),
        Column("ended_at", TIME),
        PrimaryKeyConstraint("id", name="workers_pkey"),
    )
    alive = text("state IN ('active', 'draining')")
    Index("workers_alive", workers.c.name, postgresql_where=alive)
    Table(
        "leases",
        tables,
        needed("name", Text),
        needed("term", BigInteger),
        needed("beat", BigInteger, "0"),
        needed("holder", Text),
        moment("acquired_at"),
        moment("renewed_at"),
        PrimaryKeyConstraint("name", name="leases_pkey"),
        UniqueConstraint("name", "term", name="leases_term"),
    )
