-- Unique keys are forgotten: jobs that waited for the holder of their key are queued.

UPDATE corral.jobs j SET state = 'queued', queued_at = now(), updated_at = now()
FROM corral.unique_keys k WHERE j.id = k.waiting AND j.state = 'blocked' AND j.queued_at IS NULL;
DELETE FROM corral.idempotency_jobs i USING corral.idempotency_jobs o
WHERE o.job = i.job AND (o.caller, o.key, o.position) < (i.caller, i.key, i.position);
DROP INDEX corral.idempotency_jobs_job;
CREATE UNIQUE INDEX idempotency_jobs_job ON corral.idempotency_jobs (job);
DROP TABLE corral.keyed_follow_ups;
DROP TABLE corral.unique_keys;
ALTER TABLE corral.jobs DROP COLUMN unique_key;
