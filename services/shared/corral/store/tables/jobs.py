"""The table of jobs and its indexes."""

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

from corral.store.tables.column import TIME, holds, moment, needed, serves
from corral.store.tables.readable import check, readable_times

TERMINAL = text("state IN ('completed', 'failed', 'cancelled')")


def jobs(tables: MetaData) -> None:
    """The table of jobs, with an index for each query."""
    jobs = Table(
        "jobs",
        tables,
        needed("id", Uuid, doc="UUID version 7, made before the insert; ids are in order of submission."),
        moment("created_at", doc="When it was submitted."),
        moment("updated_at", doc="When anything of it last changed."),
        Column(
            "run_at", TIME, doc="When it becomes due: a chosen time, a delay, or the next try after an error."
        ),
        Column(
            "queued_at", TIME, doc="When it last became ready to be claimed; lanes are served in this order."
        ),
        Column("started_at", TIME, doc="When its current or last attempt was claimed."),
        Column("finished_at", TIME, doc="When it ended for good; null while it is live."),
        Column("expires_at", TIME, doc="From then on it is cancelled if it was never claimed; null: never."),
        Column("cancel_requested_at", TIME, doc="When somebody asked to cancel it while it ran."),
        Column("worker", Uuid, doc="The `workers.id` that holds it, or held it last."),
        Column(
            "claim",
            Uuid,
            doc="The id of the statement that claimed it, so that a worker can read again what an interrupted claim took.",
        ),
        Column("parent", Uuid, doc="The job that submitted it."),
        Column("timeout", Double, doc="Seconds that one attempt may run; null: no bound."),
        needed(
            "attempt",
            Integer,
            "0",
            doc="How often it was claimed. It rises, but where a claim that never began is put back, and every write about a running job names it (the fence).",
        ),
        needed(
            "errors",
            Integer,
            "0",
            doc="Attempts of this life that ended in an error; compared with `retries`.",
        ),
        needed("releases", Integer, "0", doc="Attempts that a stopping worker gave back."),
        needed(
            "stalls",
            SmallInteger,
            "0",
            doc="Workers lost while they ran this job alone; compared with `max_stalls`.",
        ),
        needed("max_stalls", SmallInteger, doc="Lost workers that it survives."),
        needed(
            "retries",
            SmallInteger,
            doc="Tries after the first one: the job fails for good once `errors` is larger.",
        ),
        Column(
            "timed_out_attempt",
            Integer,
            doc="The attempt whose timeout struck while its handler went on: it ends as `error`, whatever becomes of its worker.",
        ),
        Column(
            "timed_out_retry_in",
            Double,
            doc="Seconds that the job then waits for its next try; null: it fails for good.",
        ),
        needed("life", SmallInteger, "1", doc="1, and one more each time a person retries it."),
        needed("progress", SmallInteger, "0", doc="0 to 100, as the handler reports."),
        needed(
            "suspect",
            Boolean,
            "false",
            doc="Whether a worker was lost while it ran: it is then claimed alone.",
        ),
        needed(
            "state",
            Text,
            doc="blocked, scheduled, queued, running, completed, failed or cancelled. A job with limits that is ready is blocked, with `queued_at`.",
        ),
        needed("priority", Text, doc="critical, high, normal or low."),
        needed("queue", Text, doc="The name of its queue."),
        needed("type", Text, doc="The name of its job type."),
        needed(
            "payload",
            JSON,
            doc="What the handler receives, as JSON text in the order in which it was written.",
        ),
        Column("result", JSON, doc="What the handler returned, as JSON; null until then, and for no result."),
        Column("error", JSONB, doc="The last error: kind, type, message, place, traceback, fingerprint."),
        Column("checkpoint", JSON, doc="What an attempt left for the next one (`ctx.checkpoint`)."),
        Column("progress_message", Text, doc="The words for the progress."),
        Column("tags", ARRAY(Text), doc="Words given at submission, to find it by."),
        Column("search", JSONB, doc="The payload's fields that its type declares searchable."),
        Column("traceparent", Text, doc="The W3C trace context of its submission."),
        Column("created_by", Text, doc="The key, person or job that submitted it."),
        Column(
            "limit_group",
            Uuid,
            doc="A hash of its queue, its priority and what it takes from limits: such jobs wait together. Null: it has no limits.",
        ),
        Column(
            "limits",
            ARRAY(Text),
            doc="What it takes from: names in `limit_keys`, sorted. Null: it has no limits.",
        ),
        Column("costs", ARRAY(Double), doc="How much it takes from each of its `limits`."),
        Column(
            "counted_by",
            ARRAY(Text),
            doc="Those of its `limits` that count it while it waits, too: they say what a submission does that finds them full. Null: none.",
        ),
        needed(
            "snoozes",
            Integer,
            "0",
            doc="Attempts that asked to be made again later, without an error.",
        ),
        Column(
            "unique_key", Text, doc="The row of `unique_keys` that it holds, or waits for; null: it has none."
        ),
        PrimaryKeyConstraint(
            "id",
            name="jobs_pkey",
            info=serves(
                "Everything that names a job by its id: reading, cancelling, claiming the ids that Redis named, ending attempts."
            ),
        ),
        info=holds("One row per job, from its submission until retention removes it."),
    )
    c = jobs.c
    queued, running = text("state = 'queued'"), text("state = 'running'")
    waiting = text("expires_at IS NOT NULL AND state IN ('blocked', 'scheduled', 'queued')")
    badly = text("state IN ('failed', 'cancelled')")
    Index(
        "jobs_queued",
        c.queue,
        c.suspect,
        c.priority,
        c.queued_at,
        c.id,
        postgresql_include=["type"],
        postgresql_where=queued,
        info=serves(
            "The sweep and the claims' order: a lane (queue, suspect, priority) oldest first; counts of the backlog; lists of queued jobs, by queue and type."
        ),
    )
    Index(
        "jobs_running",
        c.worker,
        postgresql_where=running,
        info=serves("What a worker holds: heartbeat, reclaim, release at a stop; how much runs at all."),
    )
    Index(
        "jobs_scheduled",
        c.run_at,
        c.id,
        postgresql_include=["queue", "type"],
        postgresql_where=text("state = 'scheduled'"),
        info=serves(
            "The promoter: jobs that are due, and when the next one is; counts and lists of scheduled jobs."
        ),
    )
    Index(
        "jobs_blocked",
        c.id,
        postgresql_include=["queue", "type"],
        postgresql_where=text("state = 'blocked'"),
        info=serves("Counts and lists of blocked jobs."),
    )
    limited = text("state = 'blocked' AND limit_group IS NOT NULL AND queued_at IS NOT NULL")
    Index(
        "jobs_limited",
        c.limit_group,
        c.suspect,
        c.queued_at,
        c.id,
        postgresql_include=["queue", "type"],
        postgresql_where=limited,
        info=serves("Claims of limited jobs: each group oldest first; the leader's look at all groups."),
    )
    Index(
        "jobs_limited_running",
        c.limit_group,
        postgresql_where=text("state = 'running' AND limit_group IS NOT NULL"),
        info=serves("Who holds what of a limit; the leader's recount of what is in use."),
    )
    Index(
        "jobs_counted",
        c.counted_by,
        postgresql_using="gin",
        postgresql_where=text(
            "counted_by IS NOT NULL AND state IN ('blocked', 'scheduled', 'queued', 'running')"
        ),
        info=serves(
            "Submissions at a limit that refuses, supersedes or bounds what waits: its live jobs; holds only jobs of such limits."
        ),
    )
    Index(
        "jobs_expiring",
        c.expires_at,
        postgresql_where=waiting,
        info=serves("The expiry duty; holds only jobs that have `expires_at` and are not claimed."),
    )
    Index(
        "jobs_history",
        c.queue,
        c.type,
        c.state,
        c.id,
        postgresql_where=TERMINAL,
        info=serves("Lists of ended jobs by queue, type and state, newest first; retention, oldest first."),
    )
    Index(
        "jobs_ended_badly",
        c.state,
        c.id,
        postgresql_where=badly,
        info=serves("Lists of failed and of cancelled jobs over all queues."),
    )
    Index(
        "jobs_tags",
        c.tags,
        postgresql_using="gin",
        postgresql_where=c.tags.is_not(None),
        info=serves("Lists filtered by tag; holds only jobs with tags."),
    )
    Index(
        "jobs_search",
        c.search,
        postgresql_using="gin",
        postgresql_ops={"search": "jsonb_path_ops"},
        postgresql_where=c.search.is_not(None),
        info=serves("Lists filtered by a searchable field of the payload; holds only jobs with such fields."),
    )
    readable_times(jobs, "created_at", "updated_at", "run_at", "queued_at", "started_at", "finished_at")
    readable_times(jobs, "expires_at", "cancel_requested_at")
    check(jobs, "timeout", "timeout > 0 AND timeout < 'Infinity'")
    states = "'blocked', 'scheduled', 'queued', 'running', 'completed', 'failed', 'cancelled'"
    check(jobs, "state", f"state IN ({states})")
    check(jobs, "priority", "priority IN ('critical', 'high', 'normal', 'low')")
    check(jobs, "tags", "array_ndims(tags) = 1 AND array_position(tags, NULL::text) IS NULL")
