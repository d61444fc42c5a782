-- Whatever Postgres holds may be written again.

ALTER TABLE corral.jobs
    DROP CONSTRAINT jobs_created_at_check,
    DROP CONSTRAINT jobs_updated_at_check,
    DROP CONSTRAINT jobs_run_at_check,
    DROP CONSTRAINT jobs_queued_at_check,
    DROP CONSTRAINT jobs_started_at_check,
    DROP CONSTRAINT jobs_finished_at_check,
    DROP CONSTRAINT jobs_expires_at_check,
    DROP CONSTRAINT jobs_cancel_requested_at_check,
    DROP CONSTRAINT jobs_timeout_check,
    DROP CONSTRAINT jobs_state_check,
    DROP CONSTRAINT jobs_priority_check,
    DROP CONSTRAINT jobs_tags_check;
ALTER TABLE corral.attempts
    DROP CONSTRAINT attempts_started_at_check,
    DROP CONSTRAINT attempts_ended_at_check;
ALTER TABLE corral.job_logs
    DROP CONSTRAINT job_logs_at_check;
ALTER TABLE corral.scaling_decisions
    DROP CONSTRAINT scaling_decisions_at_check;
