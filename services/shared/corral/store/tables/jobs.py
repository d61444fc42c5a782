"""Jobs."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSON, JSONB

from corral.store.tables.column import TIME, moment, needed

TERMINAL = text("state IN ('completed', 'failed', 'cancelled')")


def jobs(tables: MetaData) -> None:
    """The table of jobs, with an index for each query."""
    jobs = Table(
        "jobs",
        tables,
        needed("id", Uuid),
        moment("created_at"),
        moment("updated_at"),
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
        needed("attempt", Integer, "0"),
        needed("errors", Integer, "0"),
        needed("releases", Integer, "0"),
        needed("stalls", SmallInteger, "0"),
        needed("max_stalls", SmallInteger),
        needed("retries", SmallInteger),
        needed("life", SmallInteger, "1"),
        needed("progress", SmallInteger, "0"),
        needed("suspect", Boolean, "false"),
        needed("state", Text),
        needed("priority", Text),
        needed("queue", Text),
        needed("type", Text),
        needed("payload", JSON),
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
