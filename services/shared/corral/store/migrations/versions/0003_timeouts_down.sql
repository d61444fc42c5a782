-- Handlers that are past their timeout and still run end as the release before this one ends them.

ALTER TABLE corral.jobs
    DROP COLUMN timed_out_attempt,
    DROP COLUMN timed_out_retry_in;
