"""What is ended, by the statements that share a way to it."""

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

# Takes along what belongs to the jobs of `gone`; artifacts are swept later.
REMOVED = """
attempts AS (
    DELETE FROM corral.attempts a USING gone WHERE a.job = gone.id
), logs AS (
    DELETE FROM corral.job_logs l USING gone WHERE l.job = gone.id
), removed AS (
    DELETE FROM corral.jobs j USING gone WHERE j.id = gone.id RETURNING j.id
)
"""
