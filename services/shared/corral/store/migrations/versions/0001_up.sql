-- The tables of the engine. Every statement names the schema as "corral";
-- the runner puts the configured name in its place.
--
-- The hot table is jobs: a successful job is inserted, claimed and completed,
-- and writes six index entries over its life: the primary key three times (no
-- update is heap-only, because state is in the predicates), jobs_queued,
-- jobs_running and jobs_history once each. An index added here is paid for by
-- every job, unless its predicate leaves most of them out.

CREATE TABLE corral.jobs (
    id                  uuid        NOT NULL,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    run_at              timestamptz,
    queued_at           timestamptz,
    started_at          timestamptz,
    finished_at         timestamptz,
    expires_at          timestamptz,
    cancel_requested_at timestamptz,
    worker              uuid,
    claim               uuid,
    parent              uuid,
    timeout             double precision,
    attempt             integer     NOT NULL DEFAULT 0,
    errors              integer     NOT NULL DEFAULT 0,
    releases            integer     NOT NULL DEFAULT 0,
    stalls              smallint    NOT NULL DEFAULT 0,
    max_stalls          smallint    NOT NULL,
    retries             smallint    NOT NULL,
    life                smallint    NOT NULL DEFAULT 1,
    progress            smallint    NOT NULL DEFAULT 0,
    suspect             boolean     NOT NULL DEFAULT false,
    state               text        NOT NULL,
    priority            text        NOT NULL,
    queue               text        NOT NULL,
    type                text        NOT NULL,
    payload             json        NOT NULL,
    result              json,
    error               jsonb,
    checkpoint          json,
    progress_message    text,
    tags                text[],
    search              jsonb,
    traceparent         text,
    created_by          text,
    CONSTRAINT jobs_pkey PRIMARY KEY (id)
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_insert_scale_factor = 0.1,
    autovacuum_analyze_scale_factor = 0.05,
    autovacuum_vacuum_cost_delay = 1,
    autovacuum_vacuum_cost_limit = 2000
);

-- The sweep pages a lane oldest first; backlog counts per lane; pages of queued jobs.
CREATE INDEX jobs_queued ON corral.jobs (queue, suspect, priority, queued_at, id) WHERE state = 'queued';
-- What a worker holds: heartbeat, reclaim; the few running jobs at all.
CREATE INDEX jobs_running ON corral.jobs (worker) WHERE state = 'running';
-- Promotion of due jobs, and when the next one is due.
CREATE INDEX jobs_scheduled ON corral.jobs (run_at, id) WHERE state = 'scheduled';
-- Pages of blocked jobs, so that every live state has an index.
CREATE INDEX jobs_blocked ON corral.jobs (id) WHERE state = 'blocked';
-- Expiry; only jobs that asked for it.
CREATE INDEX jobs_expiring ON corral.jobs (expires_at)
    WHERE expires_at IS NOT NULL AND state IN ('blocked', 'scheduled', 'queued');
-- Pages of ended jobs by any of queue, type and state, newest first; retention.
CREATE INDEX jobs_history ON corral.jobs (queue, type, state, id)
    WHERE state IN ('completed', 'failed', 'cancelled');
-- Pages and counts of what ended badly, over all queues.
CREATE INDEX jobs_ended_badly ON corral.jobs (state, id) WHERE state IN ('failed', 'cancelled');
-- Pages by tag and by searchable field; only jobs that have them.
CREATE INDEX jobs_tags ON corral.jobs USING gin (tags) WHERE tags IS NOT NULL;
CREATE INDEX jobs_search ON corral.jobs USING gin (search jsonb_path_ops) WHERE search IS NOT NULL;

-- Every attempt that did not simply succeed, and the successful one of an earlier life.
CREATE TABLE corral.attempts (
    job        uuid        NOT NULL,
    attempt    integer     NOT NULL,
    life       smallint    NOT NULL,
    outcome    text        NOT NULL,
    worker     uuid,
    started_at timestamptz,
    ended_at   timestamptz NOT NULL DEFAULT now(),
    error      jsonb,
    reason     text,
    result     json,
    CONSTRAINT attempts_pkey PRIMARY KEY (job, attempt)
);

-- What handlers logged, in order, capped per job. size is the sum of the job's texts so far.
CREATE TABLE corral.job_logs (
    job     uuid        NOT NULL,
    seq     integer     NOT NULL,
    attempt integer     NOT NULL,
    size    integer     NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    text    text        NOT NULL,
    fields  jsonb,
    CONSTRAINT job_logs_pkey PRIMARY KEY (job, seq)
);

-- size and sha256 are NULL until the content is stored whole; keeper says where it is, location under which name.
CREATE TABLE corral.artifacts (
    id           uuid        NOT NULL,
    job          uuid        NOT NULL,
    attempt      integer     NOT NULL,
    name         text        NOT NULL,
    media_type   text        NOT NULL,
    keeper       text        NOT NULL,
    location     text        NOT NULL,
    size         bigint,
    sha256       bytea,
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz,
    CONSTRAINT artifacts_pkey PRIMARY KEY (id)
);
-- The artifacts of a job.
CREATE INDEX artifacts_job ON corral.artifacts (job);
-- A name is published once per job; a later attempt replaces it.
CREATE UNIQUE INDEX artifacts_published ON corral.artifacts (job, name) WHERE published_at IS NOT NULL;

CREATE TABLE corral.artifact_chunks (
    artifact uuid    NOT NULL,
    seq      integer NOT NULL,
    data     bytea   NOT NULL,
    CONSTRAINT artifact_chunks_pkey PRIMARY KEY (artifact, seq)
);
-- Compressing what is mostly compressed already costs more than it saves; a range is read without unpacking.
ALTER TABLE corral.artifact_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- Schemas are json, not jsonb: forms show their fields in the order in which they were declared.
CREATE TABLE corral.job_types (
    name           text        NOT NULL,
    version        text        NOT NULL,
    description    text,
    payload_schema json,
    result_schema  json,
    options        jsonb       NOT NULL,
    registered_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT job_types_pkey PRIMARY KEY (name)
);

CREATE TABLE corral.queues (
    name        text        NOT NULL,
    paused_at   timestamptz,
    paused_by   text,
    overrides   jsonb       NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT queues_pkey PRIMARY KEY (name)
);

-- One row per incarnation. counter rises with every heartbeat.
CREATE TABLE corral.workers (
    id            uuid        NOT NULL,
    name          text        NOT NULL,
    host          text        NOT NULL,
    pid           integer     NOT NULL,
    version       text        NOT NULL,
    state         text        NOT NULL DEFAULT 'active',
    counter       bigint      NOT NULL DEFAULT 0,
    queues        text[]      NOT NULL,
    types         text[]      NOT NULL,
    slots         jsonb       NOT NULL,
    status        jsonb       NOT NULL DEFAULT '{}',
    registered_at timestamptz NOT NULL DEFAULT now(),
    seen_at       timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    CONSTRAINT workers_pkey PRIMARY KEY (id)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500);
-- The incarnations that may hold jobs; names are unique among them only by custom.
CREATE INDEX workers_alive ON corral.workers (name) WHERE state IN ('active', 'draining');

-- (name, term) is unique so that a change of term is a change of key: a duty that
-- holds the row FOR KEY SHARE keeps a successor out, and lets its own leader renew.
CREATE TABLE corral.leases (
    name        text        NOT NULL,
    term        bigint      NOT NULL,
    beat        bigint      NOT NULL DEFAULT 0,
    holder      text        NOT NULL,
    acquired_at timestamptz NOT NULL DEFAULT now(),
    renewed_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT leases_pkey PRIMARY KEY (name),
    CONSTRAINT leases_term UNIQUE (name, term)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500);

-- What endings append, in the statement that writes them; the leader folds it into job_stats.
CREATE TABLE corral.job_stats_deltas (
    minute      timestamptz      NOT NULL,
    count       integer          NOT NULL,
    wait_bucket smallint         NOT NULL,
    run_bucket  smallint         NOT NULL,
    wait_sum    double precision NOT NULL,
    run_sum     double precision NOT NULL,
    outcome     text             NOT NULL,
    queue       text             NOT NULL,
    type        text             NOT NULL
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- Additive: folding the same minute in parts gives the same numbers.
CREATE TABLE corral.job_stats (
    minute  timestamptz      NOT NULL,
    queue   text             NOT NULL,
    type    text             NOT NULL,
    outcome text             NOT NULL,
    measure text             NOT NULL,
    bucket  smallint         NOT NULL,
    count   bigint           NOT NULL,
    sum     double precision NOT NULL,
    CONSTRAINT job_stats_pkey PRIMARY KEY (minute, queue, type, outcome, measure, bucket)
);

CREATE TABLE corral.api_keys (
    id           uuid        NOT NULL,
    name         text        NOT NULL,
    role         text        NOT NULL,
    hash         bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (id),
    CONSTRAINT api_keys_hash UNIQUE (hash)
);

CREATE TABLE corral.sign_in_links (
    hash       bytea       NOT NULL,
    actor      text        NOT NULL,
    role       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT sign_in_links_pkey PRIMARY KEY (hash)
);

CREATE TABLE corral.sessions (
    hash       bytea       NOT NULL,
    actor      text        NOT NULL,
    role       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CONSTRAINT sessions_pkey PRIMARY KEY (hash)
);

CREATE TABLE corral.audit (
    id      uuid        NOT NULL,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text        NOT NULL,
    action  text        NOT NULL,
    kind    text        NOT NULL,
    subject text        NOT NULL,
    details jsonb       NOT NULL DEFAULT '{}',
    CONSTRAINT audit_pkey PRIMARY KEY (id)
);
-- What was done to one thing, newest first.
CREATE INDEX audit_subject ON corral.audit (kind, subject, id);
