-- Jobs that waited for a limit wait for workers alone.

UPDATE corral.jobs SET state = 'queued'
WHERE state = 'blocked' AND limit_group IS NOT NULL AND queued_at IS NOT NULL;

DROP TABLE corral.limit_keys;
DROP TABLE corral.limit_overrides;
DROP TABLE corral.limits;
ALTER TABLE corral.jobs
    DROP COLUMN snoozes,
    DROP COLUMN costs,
    DROP COLUMN limits,
    DROP COLUMN limit_group;
