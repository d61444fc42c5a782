"""What there is one of: types, queues, workers, leases."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
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

from corral.store.tables.column import EMPTY_OBJECT, TIME, holds, moment, needed, serves


def installation(tables: MetaData) -> None:
    """Define the tables of job types, queues, workers and leases."""
    Table(
        "job_types",
        tables,
        needed("name", Text, doc="Lower-case words joined by dots."),
        needed("version", Text, doc="Of the registration; an older one never replaces a newer one."),
        Column("description", Text, doc="The first lines of the handler's docstring."),
        Column("payload_schema", JSON, doc="JSON Schema of the payload; null: any JSON."),
        Column("result_schema", JSON, doc="JSON Schema of the result; null: any JSON."),
        needed("options", JSONB, doc="Queue, retries, backoff, timeout, executor and so on, as declared."),
        moment("registered_at", doc="When this version came."),
        Column(
            "overrides",
            JSONB,
            nullable=False,
            server_default=EMPTY_OBJECT,
            doc="Options that an operator set for this type, by option. No registration undoes them.",
        ),
        Column(
            "handled_by",
            Text,
            doc="The modules of the image that last registered it with its handler; null: none did.",
        ),
        PrimaryKeyConstraint(
            "name", name="job_types_pkey", info=serves("A type by its name; the list of types.")
        ),
        info=holds("Job types as workers' images registered them."),
    )
    Table(
        "queues",
        tables,
        needed("name", Text, doc="Lower-case letters, digits, dashes, underscores."),
        Column("paused_at", TIME, doc="Since when nothing of it is claimed; null: it is not paused."),
        Column("paused_by", Text, doc="Who paused it."),
        Column(
            "overrides",
            JSONB,
            nullable=False,
            server_default=EMPTY_OBJECT,
            doc="Options that an operator set over the declarations of its types, by option.",
        ),
        Column(
            "defaults",
            JSONB,
            nullable=False,
            server_default=EMPTY_OBJECT,
            doc="Options that an operator set where its types say nothing.",
        ),
        Column(
            "declared",
            JSONB,
            nullable=False,
            server_default=EMPTY_OBJECT,
            doc="Options that code declares for the queue, by option; they count where types say nothing.",
        ),
        Column("declared_version", Text, doc="Of that declaration; an older one never replaces a newer one."),
        moment("created_at", doc="When it was first named."),
        moment("updated_at", doc="When it last changed."),
        PrimaryKeyConstraint(
            "name",
            name="queues_pkey",
            info=serves("A queue by its name; claims look here whether it is paused."),
        ),
        info=holds("One row per queue that was ever named."),
    )
    workers = Table(
        "workers",
        tables,
        needed("id", Uuid, doc="UUID version 7 of the incarnation."),
        needed("name", Text, doc="The worker's name."),
        needed("host", Text, doc="Its host or pod."),
        needed("pid", Integer, doc="Its process id there."),
        needed("version", Text, doc="Corral's version in it."),
        needed("state", Text, "'active'", doc="active, draining, stopped or lost."),
        needed(
            "counter",
            BigInteger,
            "0",
            doc="Rises with every heartbeat; a lease runs out when it stands still.",
        ),
        Column("drained_by", Text, doc="Who drains it; null: nobody does."),
        needed("queues", ARRAY(Text), doc="What it serves."),
        needed("types", ARRAY(Text), doc="The job types that it handles."),
        needed("slots", JSONB, doc="How many jobs it runs at once, by executor."),
        Column(
            "status",
            JSONB,
            nullable=False,
            server_default=EMPTY_OBJECT,
            doc="What it last told of itself: memory, what it runs, its pool.",
        ),
        needed(
            "keeps_limits",
            Boolean,
            "false",
            doc="Whether its claims keep limits; workers of earlier releases do not say so.",
        ),
        moment("registered_at", doc="When it came."),
        moment("seen_at", doc="Its last heartbeat."),
        Column("ended_at", TIME, doc="When it stopped or was lost."),
        PrimaryKeyConstraint(
            "id",
            name="workers_pkey",
            info=serves("Heartbeats, claims (locked FOR SHARE) and reclaims of one incarnation."),
        ),
        info=holds("One row per incarnation of a worker: a process that was lost and came back has two."),
    )
    alive = text("state IN ('active', 'draining')")
    Index(
        "workers_alive",
        workers.c.name,
        postgresql_where=alive,
        info=serves("The workers that may hold jobs: lists, drains by name, the leader's observation."),
    )
    Table(
        "leases",
        tables,
        needed("name", Text, doc="What is led."),
        needed("term", BigInteger, doc="Rises with every change of leader."),
        needed("beat", BigInteger, "0", doc="Rises with every renewal."),
        needed("holder", Text, doc="The process that leads."),
        moment("acquired_at", doc="When it began to lead."),
        moment("renewed_at", doc="Its last renewal."),
        PrimaryKeyConstraint("name", name="leases_pkey", info=serves("The lease by its name.")),
        UniqueConstraint(
            "name",
            "term",
            name="leases_term",
            info=serves("A duty locks its own term FOR KEY SHARE: a successor waits, a renewal does not."),
        ),
        info=holds("Who leads the maintenance duties."),
    )
    Table(
        "backfills",
        tables,
        needed("name", Text, doc="What was computed."),
        moment("done_at", doc="When."),
        PrimaryKeyConstraint(
            "name", name="backfills_pkey", info=serves("Whether counts may be read, or are still to be made.")
        ),
        info=holds("What had to be computed once over the rows of older releases, after their migration."),
    )
