-- Requests that are repeated after this are stored again.

DROP TABLE corral.idempotency_jobs;
DROP TABLE corral.idempotency_keys;
