"""Counts of what has ended."""

from sqlalchemy import BigInteger, Double, Integer, MetaData, PrimaryKeyConstraint, SmallInteger, Table, Text

from corral.store.tables.column import TIME, holds, needed, serves


def statistics(tables: MetaData) -> None:
    """What completions append, and what it is folded into."""
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
    key = ("minute", "queue", "type", "outcome", "measure", "bucket")
    Table(
        "job_stats",
        tables,
        needed("minute", TIME, doc="The minute."),
        needed("queue", Text, doc="The queue."),
        needed("type", Text, doc="The job type."),
        needed("outcome", Text, doc="The outcome."),
        needed("measure", Text, doc="wait or run."),
        needed("bucket", SmallInteger, doc="The bucket's number in that histogram."),
        needed("count", BigInteger, doc="How many fell into it."),
        needed("sum", Double, doc="Their seconds, in all."),
        PrimaryKeyConstraint(
            *key,
            name="job_stats_pkey",
            info=serves("Statistics of a span of time; the fold adds to a minute's rows."),
        ),
        info=holds("What ended, per minute, queue, type and outcome, with histograms."),
    )
