"""What every ending appends to the statistics, in the statement that writes it.

One row per minute, queue, type, outcome and pair of buckets; the leader folds
them into `job_stats`. A bucket is half an octave of time above 0.1 ms:
bucket b holds what took more than 0.1 ms * 2^((b-1)/2) and at most 0.1 ms * 2^(b/2).
"""

FIRST_BOUND_SECONDS = 1e-4
"""Seconds; bucket 0 holds everything up to here."""
BUCKETS_PER_OCTAVE = 2


def bound(bucket: int) -> float:
    """The longest time, in seconds, that belongs to this bucket."""
    return FIRST_BOUND_SECONDS * float(2 ** (bucket / BUCKETS_PER_OCTAVE))


MAX_SECONDS = 1e9
"""Seconds, thirty years: what a row whose times were set by hand adds at most."""


def _told(seconds: str) -> str:
    """A length of time that can be summed up: neither negative nor endless; NULL adds nothing."""
    return f"least(greatest({seconds}, 0), {MAX_SECONDS:.0f})"


def _bucket(seconds: str) -> str:
    """2.885… is 2 / ln 2: two buckets per octave."""
    return (
        f"CASE WHEN {seconds} > 1e-4::float8 "
        f"THEN ceil(ln({seconds} * 1e4::float8) * 2.885390081777927::float8) ELSE 0 END::smallint"
    )


def appended(ended: str) -> str:
    """The statement that counts the rows of `ended(queue, type, outcome, wait, run)`; seconds or NULL."""
    return f"""
    INSERT INTO corral.job_stats_deltas
        (minute, queue, type, outcome, wait_bucket, run_bucket, count, wait_sum, run_sum)
    SELECT date_trunc('minute', now()), e.queue, e.type, e.outcome,
           {_bucket(_told("e.wait"))}, {_bucket(_told("e.run"))},
           count(*), sum({_told("e.wait")}), sum({_told("e.run")})
    FROM {ended} e
    GROUP BY e.queue, e.type, e.outcome, 5, 6
    """


WAIT = "date_part('epoch', j.started_at - j.queued_at)"
"""Seconds from queued to claimed, of `jobs j` that was running."""
RUN = "date_part('epoch', now() - j.started_at)"
"""Seconds from claimed to now, of `jobs j` that was running."""
