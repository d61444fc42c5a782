-- Only expands: the release before this one knows of no such keys, and reads and writes no such table.

CREATE TABLE corral.idempotency_keys (
    caller     text        NOT NULL,
    key        text        NOT NULL,
    digest     bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, key)
);
-- The keys that may be forgotten, oldest first.
CREATE INDEX idempotency_keys_expiry ON corral.idempotency_keys (expires_at);

-- The jobs that came of a request with a key. A job that retention removes leaves its state here.
CREATE TABLE corral.idempotency_jobs (
    caller   text    NOT NULL,
    key      text    NOT NULL,
    position integer NOT NULL,
    job      uuid    NOT NULL,
    state    text,
    CONSTRAINT idempotency_jobs_pkey PRIMARY KEY (caller, key, position)
);
CREATE UNIQUE INDEX idempotency_jobs_job ON corral.idempotency_jobs (job);
