"""What has ended, in numbers."""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from corral.store.tables.column import TIME, holds, needed, serves


def statistics(tables: MetaData) -> None:
    """What completions append, what it is folded into, and how much of it is stored."""
    Table(
        "job_stats_deltas",
        tables,
        needed("minute", TIME, doc="The minute of the ends."),
        needed("count", Integer, doc="How many."),
        needed("wait_bucket", SmallInteger, doc="Which bucket of the histogram of waiting times."),
        needed("run_bucket", SmallInteger, doc="Which bucket of the histogram of running times."),
        needed("wait_sum", Double, doc="Seconds waited, in all."),
        needed("run_sum", Double, doc="Seconds run, in all."),
        needed("outcome", Text, doc="completed, errored, failed, cancelled, released or stalled."),
        needed("queue", Text, doc="The queue."),
        needed("type", Text, doc="The job type."),
        info=holds(
            "What endings append, in the statement that writes them; the leader folds it into `job_stats` and removes it. It has no index: it is read whole."
        ),
    )
    key = ("queue", "type", "outcome", "measure", "bucket")
    Table(
        "job_stats",
        tables,
        needed("minute", TIME, doc="The minute."),
        *_histogram(),
        PrimaryKeyConstraint(
            "minute",
            *key,
            name="job_stats_pkey",
            info=serves(
                "The minutes before the first whole hour of a window; the last hour for the signal; the fold "
                "adds to a minute's rows."
            ),
        ),
        info=holds("What ended, per minute, queue, type and outcome, with histograms."),
    )
    Table(
        "job_stats_rollups",
        tables,
        needed("span", Text, doc="hour or day, of UTC."),
        needed("start", TIME, doc="When it begins."),
        *_histogram(),
        PrimaryKeyConstraint(
            "span",
            "start",
            *key,
            name="job_stats_rollups_pkey",
            info=serves("Statistics of a long window: whole days, and the whole hours before them."),
        ),
        info=holds("`job_stats` once more, by hour and by day. A trigger adds what is folded into a minute."),
    )
    counts(tables)


def _histogram() -> list[Column[object]]:
    """The columns of one bucket of a histogram: what is counted, and how much of it."""
    return [
        needed("queue", Text, doc="The queue."),
        needed("type", Text, doc="The job type."),
        needed("outcome", Text, doc="The outcome."),
        needed("measure", Text, doc="wait or run."),
        needed("bucket", SmallInteger, doc="The bucket's number in that histogram."),
        needed("count", BigInteger, doc="How many fell into it."),
        needed("sum", Double, doc="Their seconds, in all."),
    ]


def counts(tables: MetaData) -> None:
    """How many jobs of each kind have ended and are stored."""
    kind = ("queue", "type", "state")
    docs = {"queue": "The queue.", "type": "The job type.", "state": "completed, failed or cancelled."}
    Table(
        "job_counts",
        tables,
        *(needed(name, Text, doc=docs[name]) for name in kind),
        needed("count", BigInteger, doc="How many, but for what is not folded yet."),
        PrimaryKeyConstraint(
            *kind, name="job_counts_pkey", info=serves("The fold adds to the row of a queue, type and state.")
        ),
        info=holds(
            "How many stored jobs have ended, so that a count never reads them. The whole number is this, and "
            "what `job_count_deltas` and `job_stats_deltas` hold; it is read whole."
        ),
    )
    Table(
        "job_count_deltas",
        tables,
        *(needed(name, Text, doc=docs[name]) for name in kind),
        needed("count", BigInteger, doc="What is to be added; negative for what is gone."),
        info=holds(
            "What triggers append when ended jobs are removed or retried; the leader folds it into `job_counts`. "
            "It has no index: it is read whole."
        ),
    )
