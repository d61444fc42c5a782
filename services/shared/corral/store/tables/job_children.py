"""What belongs to single jobs: attempts, logs, follow-ups, artifacts."""

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

from corral.store.tables.column import TIME, holds, moment, needed, serves
from corral.store.tables.readable import readable_times


def around_jobs(tables: MetaData) -> None:
    """Define the tables of attempts, logs, follow-ups and artifacts."""
    attempts = Table(
        "attempts",
        tables,
        needed("job", Uuid, doc="The job."),
        needed("attempt", Integer, doc="Its number."),
        needed("life", SmallInteger, doc="The life of the job that it belongs to."),
        needed(
            "outcome",
            Text,
            doc="completed, errored, failed, cancelled, released, snoozed, rate-limited or stalled.",
        ),
        Column("worker", Uuid, doc="The `workers.id` that ran it."),
        Column("started_at", TIME, doc="When it was claimed."),
        moment("ended_at", doc="When its end was written."),
        Column("error", JSONB, doc="As in `jobs.error`."),
        Column("reason", Text, doc="Why it ended, in words, where it was no error of the handler."),
        Column("result", JSON, doc="The result of an earlier life's success."),
        PrimaryKeyConstraint(
            "job", "attempt", name="attempts_pkey", info=serves("The attempts of one job, in order.")
        ),
        info=holds("Every attempt that did not simply succeed, and the successful one of an earlier life."),
    )
    readable_times(attempts, "started_at", "ended_at")
    job_logs = Table(
        "job_logs",
        tables,
        needed("job", Uuid, doc="The job."),
        needed("seq", Integer, doc="The line's number within the job, from 1."),
        needed("attempt", Integer, doc="The attempt that wrote it."),
        needed("size", Integer, doc="Bytes of all lines of the job up to and with this one, for the cap."),
        moment("at", doc="When the worker heard it."),
        needed("text", Text, doc="The line."),
        Column("fields", JSONB, doc="Named values beside the text."),
        PrimaryKeyConstraint(
            "job",
            "seq",
            name="job_logs_pkey",
            info=serves("The lines of one job, in order, from a position on."),
        ),
        info=holds("What handlers logged, in order, capped per job."),
    )
    readable_times(job_logs, "at")
    Table(
        "effects",
        tables,
        needed("job", Uuid, doc="The job."),
        needed("name", Text, doc="The effect's name within the job."),
        needed("attempt", Integer, doc="The attempt that began it last."),
        needed("token", Uuid, doc="Of that begin: a later write of it names it."),
        moment("began_at", doc="When it was about to be done."),
        Column("ended_at", TIME, doc="When it was known to be done; null: under way, or perhaps done."),
        Column("receipt", JSON, doc="What it returned, as JSON."),
        Column("settled_by", Text, doc="Who said that it is done, where no attempt did."),
        PrimaryKeyConstraint(
            "job", "name", name="effects_pkey", info=serves("An effect of a job, and all of them.")
        ),
        info=holds("What jobs must not do twice (`ctx.once`): begun and, if so, ended."),
    )
    Table(
        "follow_ups",
        tables,
        needed("job", Uuid, doc="The job whose attempt announced it."),
        needed("attempt", Integer, doc="The attempt that announced it."),
        needed(
            "follows_on",
            Text,
            doc="The outcome that it waited for: success, failure, cancelled, end or retry.",
        ),
        needed("follow_up", Uuid, doc="The job that was stored with that outcome."),
        PrimaryKeyConstraint(
            "job", "follow_up", name="follow_ups_pkey", info=serves("The follow-ups of one job, in order.")
        ),
        info=holds("Jobs that were stored with the outcome of an attempt (`ctx.then`)."),
    )
    artifacts = Table(
        "artifacts",
        tables,
        needed("id", Uuid, doc="UUID version 7."),
        Column("job", Uuid, doc="The job that made it; null for an upload."),
        needed("attempt", Integer, doc="The attempt that wrote it."),
        needed("name", Text, doc="The file's name, once per job."),
        needed("media_type", Text, doc="As downloads answer it."),
        needed("keeper", Text, doc="Where the content is: postgres or filesystem."),
        needed("location", Text, doc="Under which name it is there."),
        Column("size", BigInteger, doc="Bytes; null until the content is stored whole."),
        Column("sha256", LargeBinary, doc="Of the content; null until then."),
        moment("created_at", doc="When writing began."),
        Column(
            "published_at",
            TIME,
            doc="When it became visible: with the success of its attempt, or when the handler published it.",
        ),
        PrimaryKeyConstraint("id", name="artifacts_pkey", info=serves("A file by its id.")),
        info=holds(
            "Files that jobs made. A row comes before the content, so that what an attempt leaves behind can be swept."
        ),
    )
    published = artifacts.c.published_at.is_not(None)
    Index("artifacts_job", artifacts.c.job, info=serves("The files of one job."))
    Index(
        "artifacts_unpublished",
        artifacts.c.id,
        postgresql_where=artifacts.c.published_at.is_(None),
        info=serves(
            "The sweep of what nobody may see: half written, replaced, or of a job that was removed."
        ),
    )
    Index(
        "artifacts_published",
        artifacts.c.job,
        artifacts.c.name,
        unique=True,
        postgresql_where=published,
        info=serves("One published file per job and name; a later attempt replaces it."),
    )
    Table(
        "artifact_chunks",
        tables,
        needed("artifact", Uuid, doc="The file."),
        needed("seq", Integer, doc="The piece's number, from 0."),
        needed("data", LargeBinary, doc="Its bytes, not compressed."),
        PrimaryKeyConstraint(
            "artifact",
            "seq",
            name="artifact_chunks_pkey",
            info=serves("The pieces of one file, in order, from an offset on."),
        ),
        info=holds("The content of artifacts that Postgres keeps, in pieces."),
    )
