"""The tables as SQLAlchemy sees them: for dynamic queries, and to compare with what the migrations made.

The migrations say why each index and setting exists; a test holds the two
together. Nothing here creates tables.
"""

from functools import lru_cache

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from corral.store.sql import DEFAULT_SCHEMA

TIME = DateTime(timezone=True)
NOW = text("now()")
EMPTY_OBJECT = text("'{}'::jsonb")
TERMINAL = text("state IN ('completed', 'failed', 'cancelled')")


@lru_cache
def metadata(schema: str = DEFAULT_SCHEMA) -> MetaData:
    """Every table, in `schema`."""
    tables = MetaData(schema=schema)
    _jobs(tables)
    _around_jobs(tables)
    _installation(tables)
    _statistics(tables)
    _pools(tables)
    _people(tables)
    return tables


def _needed(name: str, kind: object, default: str | None = None) -> "Column[object]":
    return Column(name, kind, nullable=False, server_default=text(default) if default else None)  # type: ignore[arg-type]


def _moment(name: str) -> "Column[object]":
    return Column(name, TIME, nullable=False, server_default=NOW)


def _jobs(tables: MetaData) -> None:
    jobs = Table(
        "jobs",
        tables,
        _needed("id", Uuid),
        _moment("created_at"),
        _moment("updated_at"),
        Column("run_at", TIME),
        Column("queued_at", TIME),
        Column("started_at", TIME),
        Column("finished_at", TIME),
        Column("expires_at", TIME),
        Column("cancel_requested_at", TIME),
        Column("worker", Uuid),
        Column("claim", Uuid),
        Column("parent", Uuid),
        Column("timeout", Double),
        _needed("attempt", Integer, "0"),
        _needed("errors", Integer, "0"),
        _needed("releases", Integer, "0"),
        _needed("stalls", SmallInteger, "0"),
        _needed("max_stalls", SmallInteger),
        _needed("retries", SmallInteger),
        _needed("life", SmallInteger, "1"),
        _needed("progress", SmallInteger, "0"),
        _needed("suspect", Boolean, "false"),
        _needed("state", Text),
        _needed("priority", Text),
        _needed("queue", Text),
        _needed("type", Text),
        _needed("payload", JSON),
        Column("result", JSON),
        Column("error", JSONB),
        Column("checkpoint", JSON),
        Column("progress_message", Text),
        Column("tags", ARRAY(Text)),
        Column("search", JSONB),
        Column("traceparent", Text),
        Column("created_by", Text),
        PrimaryKeyConstraint("id", name="jobs_pkey"),
    )
    c = jobs.c
    queued, running = text("state = 'queued'"), text("state = 'running'")
    waiting = text("expires_at IS NOT NULL AND state IN ('blocked', 'scheduled', 'queued')")
    badly = text("state IN ('failed', 'cancelled')")
    Index("jobs_queued", c.queue, c.suspect, c.priority, c.queued_at, c.id, postgresql_where=queued)
    Index("jobs_running", c.worker, postgresql_where=running)
    Index("jobs_scheduled", c.run_at, c.id, postgresql_where=text("state = 'scheduled'"))
    Index("jobs_blocked", c.id, postgresql_where=text("state = 'blocked'"))
    Index("jobs_expiring", c.expires_at, postgresql_where=waiting)
    Index("jobs_history", c.queue, c.type, c.state, c.id, postgresql_where=TERMINAL)
    Index("jobs_ended_badly", c.state, c.id, postgresql_where=badly)
    Index("jobs_tags", c.tags, postgresql_using="gin", postgresql_where=c.tags.is_not(None))
    Index(
        "jobs_search",
        c.search,
        postgresql_using="gin",
        postgresql_ops={"search": "jsonb_path_ops"},
        postgresql_where=c.search.is_not(None),
    )


def _around_jobs(tables: MetaData) -> None:
    Table(
        "attempts",
        tables,
        _needed("job", Uuid),
        _needed("attempt", Integer),
        _needed("life", SmallInteger),
        _needed("outcome", Text),
        Column("worker", Uuid),
        Column("started_at", TIME),
        _moment("ended_at"),
        Column("error", JSONB),
        Column("reason", Text),
        Column("result", JSON),
        PrimaryKeyConstraint("job", "attempt", name="attempts_pkey"),
    )
    Table(
        "job_logs",
        tables,
        _needed("job", Uuid),
        _needed("seq", Integer),
        _needed("attempt", Integer),
        _needed("size", Integer),
        _moment("at"),
        _needed("text", Text),
        Column("fields", JSONB),
        PrimaryKeyConstraint("job", "seq", name="job_logs_pkey"),
    )
    artifacts = Table(
        "artifacts",
        tables,
        _needed("id", Uuid),
        _needed("job", Uuid),
        _needed("attempt", Integer),
        _needed("name", Text),
        _needed("media_type", Text),
        _needed("keeper", Text),
        _needed("location", Text),
        Column("size", BigInteger),
        Column("sha256", LargeBinary),
        _moment("created_at"),
        Column("published_at", TIME),
        PrimaryKeyConstraint("id", name="artifacts_pkey"),
    )
    published = artifacts.c.published_at.is_not(None)
    Index("artifacts_job", artifacts.c.job)
    Index("artifacts_published", artifacts.c.job, artifacts.c.name, unique=True, postgresql_where=published)
    Table(
        "artifact_chunks",
        tables,
        _needed("artifact", Uuid),
        _needed("seq", Integer),
        _needed("data", LargeBinary),
        PrimaryKeyConstraint("artifact", "seq", name="artifact_chunks_pkey"),
    )


def _installation(tables: MetaData) -> None:
    Table(
        "job_types",
        tables,
        _needed("name", Text),
        _needed("version", Text),
        Column("description", Text),
        Column("payload_schema", JSON),
        Column("result_schema", JSON),
        _needed("options", JSONB),
        _moment("registered_at"),
        PrimaryKeyConstraint("name", name="job_types_pkey"),
    )
    Table(
        "queues",
        tables,
        _needed("name", Text),
        Column("paused_at", TIME),
        Column("paused_by", Text),
        Column("overrides", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        Column("defaults", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        _moment("created_at"),
        _moment("updated_at"),
        PrimaryKeyConstraint("name", name="queues_pkey"),
    )
    workers = Table(
        "workers",
        tables,
        _needed("id", Uuid),
        _needed("name", Text),
        _needed("host", Text),
        _needed("pid", Integer),
        _needed("version", Text),
        _needed("state", Text, "'active'"),
        _needed("counter", BigInteger, "0"),
        Column("drained_by", Text),
        _needed("queues", ARRAY(Text)),
        _needed("types", ARRAY(Text)),
        _needed("slots", JSONB),
        Column("status", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        _moment("registered_at"),
        _moment("seen_at"),
        Column("ended_at", TIME),
        PrimaryKeyConstraint("id", name="workers_pkey"),
    )
    alive = text("state IN ('active', 'draining')")
    Index("workers_alive", workers.c.name, postgresql_where=alive)
    Table(
        "leases",
        tables,
        _needed("name", Text),
        _needed("term", BigInteger),
        _needed("beat", BigInteger, "0"),
        _needed("holder", Text),
        _moment("acquired_at"),
        _moment("renewed_at"),
        PrimaryKeyConstraint("name", name="leases_pkey"),
        UniqueConstraint("name", "term", name="leases_term"),
    )


def _statistics(tables: MetaData) -> None:
    Table(
        "job_stats_deltas",
        tables,
        _needed("minute", TIME),
        _needed("count", Integer),
        _needed("wait_bucket", SmallInteger),
        _needed("run_bucket", SmallInteger),
        _needed("wait_sum", Double),
        _needed("run_sum", Double),
        _needed("outcome", Text),
        _needed("queue", Text),
        _needed("type", Text),
    )
    key = ("minute", "queue", "type", "outcome", "measure", "bucket")
    Table(
        "job_stats",
        tables,
        _needed("minute", TIME),
        _needed("queue", Text),
        _needed("type", Text),
        _needed("outcome", Text),
        _needed("measure", Text),
        _needed("bucket", SmallInteger),
        _needed("count", BigInteger),
        _needed("sum", Double),
        PrimaryKeyConstraint(*key, name="job_stats_pkey"),
    )


def _pools(tables: MetaData) -> None:
    decisions = Table(
        "scaling_decisions",
        tables,
        _needed("id", Uuid),
        _needed("pool", Text),
        _needed("at", TIME),
        _needed("before", Integer),
        _needed("after", Integer),
        _needed("needed", Integer),
        _needed("ready", Integer),
        _needed("reason", Text),
        _needed("conditions", ARRAY(Text)),
        _needed("backlog_jobs", BigInteger),
        _needed("backlog_seconds", Double),
        _needed("oldest_seconds", Double),
        PrimaryKeyConstraint("id", name="scaling_decisions_pkey"),
    )
    Index("scaling_decisions_pool", decisions.c.pool, decisions.c.id)


def _people(tables: MetaData) -> None:
    Table(
        "api_keys",
        tables,
        _needed("id", Uuid),
        _needed("name", Text),
        _needed("role", Text),
        _needed("hash", LargeBinary),
        _moment("created_at"),
        Column("created_by", Text),
        Column("last_used_at", TIME),
        Column("revoked_at", TIME),
        PrimaryKeyConstraint("id", name="api_keys_pkey"),
        UniqueConstraint("hash", name="api_keys_hash"),
    )
    for name in ("sign_in_links", "sessions"):
        Table(
            name,
            tables,
            _needed("hash", LargeBinary),
            _needed("actor", Text),
            _needed("role", Text),
            _moment("created_at"),
            _needed("expires_at", TIME),
            PrimaryKeyConstraint("hash", name=f"{name}_pkey"),
        )
    audit = Table(
        "audit",
        tables,
        _needed("id", Uuid),
        _moment("at"),
        _needed("actor", Text),
        _needed("action", Text),
        _needed("kind", Text),
        _needed("subject", Text),
        Column("details", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        PrimaryKeyConstraint("id", name="audit_pkey"),
    )
    Index("audit_subject", audit.c.kind, audit.c.subject, audit.c.id)
