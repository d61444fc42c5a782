"""What belongs to single jobs: attempts, logs, artifacts."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from corral.store.tables.column import TIME, moment, needed


def around_jobs(tables: MetaData) -> None:
    """One table each."""
    Table(
        "attempts",
        tables,
        needed("job", Uuid),
        needed("attempt", Integer),
        needed("life", SmallInteger),
        needed("outcome", Text),
        Column("worker", Uuid),
        Column("started_at", TIME),
        moment("ended_at"),
        Column("error", JSONB),
        Column("reason", Text),
        Column("result", JSON),
        PrimaryKeyConstraint("job", "attempt", name="attempts_pkey"),
    )
    Table(
        "job_logs",
        tables,
        needed("job", Uuid),
        needed("seq", Integer),
        needed("attempt", Integer),
        needed("size", Integer),
        moment("at"),
        needed("text", Text),
        Column("fields", JSONB),
        PrimaryKeyConstraint("job", "seq", name="job_logs_pkey"),
    )
    artifacts = Table(
        "artifacts",
        tables,
        needed("id", Uuid),
        needed("job", Uuid),
        needed("attempt", Integer),
        needed("name", Text),
        needed("media_type", Text),
        needed("keeper", Text),
        needed("location", Text),
        Column("size", BigInteger),
        Column("sha256", LargeBinary),
        moment("created_at"),
        Column("published_at", TIME),
        PrimaryKeyConstraint("id", name="artifacts_pkey"),
    )
    published = artifacts.c.published_at.is_not(None)
    Index("artifacts_job", artifacts.c.job)
    Index("artifacts_published", artifacts.c.job, artifacts.c.name, unique=True, postgresql_where=published)
    Table(
        "artifact_chunks",
        tables,
        needed("artifact", Uuid),
        needed("seq", Integer),
        needed("data", LargeBinary),
        PrimaryKeyConstraint("artifact", "seq", name="artifact_chunks_pkey"),
    )
