-- Only expands: the release before this one inserts jobs without a key, and ends jobs without looking at keys; what it
-- leaves, the leader puts right.

ALTER TABLE corral.jobs ADD COLUMN unique_key text;

CREATE TABLE corral.unique_keys (
    key      text        NOT NULL,
    holder   uuid        NOT NULL,
    waiting  uuid,
    newest   uuid        NOT NULL,
    taken_at timestamptz NOT NULL DEFAULT now(),
    until    timestamptz,
    state    text,
    CONSTRAINT unique_keys_pkey PRIMARY KEY (key)
);

CREATE INDEX unique_keys_holder ON corral.unique_keys (holder);

CREATE INDEX unique_keys_waiting ON corral.unique_keys (key) WHERE waiting IS NOT NULL;

CREATE INDEX unique_keys_until ON corral.unique_keys (until) WHERE until IS NOT NULL;

-- Requests with different idempotency keys may lead to one unique job.
DROP INDEX corral.idempotency_jobs_job;

CREATE INDEX idempotency_jobs_job ON corral.idempotency_jobs (job);

CREATE TABLE corral.keyed_follow_ups (
    id         uuid        NOT NULL,
    job        uuid        NOT NULL,
    attempt    integer     NOT NULL,
    follows_on text        NOT NULL,
    submission json        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT keyed_follow_ups_pkey PRIMARY KEY (id)
);
