"""SQL over finished jobs that several statements share: the queues and types that have any, and what goes with a removed job."""

# The queues and types that have ended jobs, by skipping through jobs_history: a probe for each, however
# many jobs there are.
PAIRS = """
WITH RECURSIVE pairs AS (
    (SELECT j.queue, j.type FROM corral.jobs j WHERE j.state IN ('completed', 'failed', 'cancelled')
     ORDER BY j.queue, j.type LIMIT 1)
    UNION ALL
    SELECT following.queue, following.type FROM pairs p CROSS JOIN LATERAL (
        SELECT j.queue, j.type FROM corral.jobs j
        WHERE j.state IN ('completed', 'failed', 'cancelled') AND (j.queue, j.type) > (p.queue, p.type)
        ORDER BY j.queue, j.type LIMIT 1
    ) following
)
"""

# Takes along what belongs to the jobs of `gone`; artifacts are swept later. Whoever sent one under an idempotency key,
# or a duplicate of a unique one, can still ask how it ended.
REMOVED = """
attempts AS (
    DELETE FROM corral.attempts a USING gone WHERE a.job = gone.id
), effects AS (
    DELETE FROM corral.effects e USING gone WHERE e.job = gone.id
), follow_ups AS (
    DELETE FROM corral.follow_ups f USING gone WHERE f.job = gone.id
), logs AS (
    DELETE FROM corral.job_logs l USING gone WHERE l.job = gone.id
), removed AS (
    DELETE FROM corral.jobs j USING gone WHERE j.id = gone.id RETURNING j.id, j.state
), remembered AS (
    UPDATE corral.idempotency_jobs i SET state = removed.state FROM removed WHERE i.job = removed.id
), remembered_keys AS (
    UPDATE corral.unique_keys k SET state = removed.state FROM removed WHERE k.holder = removed.id
)
"""

# How many there are, as rows (queue, type, state, count), several of one kind: what was folded, what was retried or
# removed since, and what has ended since (docs/adr/0015). A few hundred rows, however many jobs there are.
COUNTED = """
    SELECT n.queue, n.type, n.state, n.count FROM corral.job_counts n
    UNION ALL
    SELECT d.queue, d.type, d.state, d.count FROM corral.job_count_deltas d
    UNION ALL
    SELECT s.queue, s.type, s.outcome, s.count FROM corral.job_stats_deltas s
    WHERE s.outcome IN ('completed', 'failed', 'cancelled')
"""

# Ids are in order of submission and nothing ends before it is submitted: from this id on, none can have ended
# %(seconds)s ago. Ten minutes are for clocks that differ.
TOO_YOUNG = """(
    lpad(to_hex(greatest(0, (date_part('epoch', now()) - %(seconds)s) * 1000)::int8 + 600000), 12, '0') || repeat('0', 20)
)::uuid"""
