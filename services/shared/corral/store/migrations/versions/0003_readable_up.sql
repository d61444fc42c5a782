-- Only expands: the release before this one writes nothing that is refused here, but for the faults that this mends.

-- Rows that something is still to happen to, and that nobody could change once the constraints below are there: a
-- value that can't be read back becomes the nearest that can. Rows that have ended are changed by a person's retry
-- alone; their readers survive them.
UPDATE corral.jobs SET
    created_at = least(greatest(created_at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z'),
    updated_at = least(greatest(updated_at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z'),
    run_at = CASE WHEN run_at IS NOT NULL THEN least(greatest(run_at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z') END,
    queued_at = CASE WHEN queued_at IS NOT NULL THEN least(greatest(queued_at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z') END,
    started_at = CASE WHEN started_at IS NOT NULL THEN least(greatest(started_at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z') END,
    finished_at = CASE WHEN finished_at IS NOT NULL THEN least(greatest(finished_at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z') END,
    expires_at = CASE WHEN expires_at IS NOT NULL THEN least(greatest(expires_at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z') END,
    cancel_requested_at = CASE WHEN cancel_requested_at IS NOT NULL THEN least(greatest(cancel_requested_at, '0001-01-01 00:00Z'), '9999-12-31 23:59:59.999999Z') END,
    timeout = CASE WHEN timeout > 0 AND timeout < 'Infinity' THEN timeout END,
    priority = CASE WHEN priority IN ('critical', 'high', 'normal', 'low') THEN priority ELSE 'normal' END,
    tags = CASE WHEN array_ndims(tags) = 1 AND array_position(tags, NULL::text) IS NULL THEN tags END
WHERE state IN ('blocked', 'scheduled', 'queued', 'running') AND NOT (true
    AND created_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z'
    AND updated_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z'
    AND (run_at IS NULL OR run_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z')
    AND (queued_at IS NULL OR queued_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z')
    AND (started_at IS NULL OR started_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z')
    AND (finished_at IS NULL OR finished_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z')
    AND (expires_at IS NULL OR expires_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z')
    AND (cancel_requested_at IS NULL OR cancel_requested_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z')
    AND (timeout IS NULL OR (timeout > 0 AND timeout < 'Infinity'))
    AND priority IN ('critical', 'high', 'normal', 'low')
    AND (tags IS NULL OR tags = '{}' OR (array_ndims(tags) = 1 AND array_position(tags, NULL::text) IS NULL))
);

-- NOT VALID: no look at the rows that are there, so that the table is locked for a moment only; what is written from
-- now on is checked. Each is named for its column: a refusal names it.
ALTER TABLE corral.jobs
    ADD CONSTRAINT jobs_created_at_check CHECK (created_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT jobs_updated_at_check CHECK (updated_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT jobs_run_at_check CHECK (run_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT jobs_queued_at_check CHECK (queued_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT jobs_started_at_check CHECK (started_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT jobs_finished_at_check CHECK (finished_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT jobs_expires_at_check CHECK (expires_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT jobs_cancel_requested_at_check CHECK (cancel_requested_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT jobs_timeout_check CHECK (timeout > 0 AND timeout < 'Infinity') NOT VALID,
    ADD CONSTRAINT jobs_state_check CHECK (state IN
        ('blocked', 'scheduled', 'queued', 'running', 'completed', 'failed', 'cancelled')) NOT VALID,
    ADD CONSTRAINT jobs_priority_check CHECK (priority IN ('critical', 'high', 'normal', 'low')) NOT VALID,
    ADD CONSTRAINT jobs_tags_check CHECK (array_ndims(tags) = 1 AND array_position(tags, NULL::text) IS NULL) NOT VALID;
ALTER TABLE corral.attempts
    ADD CONSTRAINT attempts_started_at_check CHECK (started_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID,
    ADD CONSTRAINT attempts_ended_at_check CHECK (ended_at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID;
ALTER TABLE corral.job_logs
    ADD CONSTRAINT job_logs_at_check CHECK (at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID;
ALTER TABLE corral.scaling_decisions
    ADD CONSTRAINT scaling_decisions_at_check CHECK (at BETWEEN '0001-01-01 00:00Z' AND '9999-12-31 23:59:59.999999Z') NOT VALID;
